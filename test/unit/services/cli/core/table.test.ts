import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  colourPaint,
  plainPaint,
  renderTable,
  visibleLength,
} from '../../../../../services/cli/core/table.ts';

test('columns are aligned, numbers to the right, nothing behind the last cell', () => {
  const text = renderTable(
    [{ title: 'REGION' }, { title: 'LAG', align: 'right' }, { title: 'URL' }],
    [
      ['eu-west', '-', 'a'],
      ['x', '1200ms', 'longer'],
    ],
  );
  assert.equal(text, 'REGION      LAG  URL\neu-west       -  a\nx        1200ms  longer\n');
});

test('colour does not disturb the alignment', () => {
  const plain = renderTable([{ title: 'A' }, { title: 'B' }], [['one', 'two']], plainPaint);
  const cell = colourPaint('green', 'one');
  const coloured = renderTable([{ title: 'A' }, { title: 'B' }], [[cell, 'two']], colourPaint);
  assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), plain);
  assert.equal(visibleLength(cell), 3);
});

test('missing cells and empty tables are fine', () => {
  assert.equal(renderTable([{ title: 'A' }, { title: 'B' }], [['x']]), 'A  B\nx\n');
  assert.equal(renderTable([{ title: 'A' }], []), 'A\n');
  assert.equal(colourPaint('red', ''), '');
});
