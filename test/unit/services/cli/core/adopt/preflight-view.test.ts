import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderPreflight } from '../../../../../../services/cli/core/adopt/preflight-view.ts';

test('aligned, the fix below what needs one, the verdict last', () => {
  const text = renderPreflight([
    { check: 'version', verdict: 'ok', found: 'PostgreSQL 18.4', fix: null },
    { check: 'wal_level', verdict: 'obstacle', found: 'wal_level = replica', fix: 'set it' },
  ]);
  assert.equal(
    text,
    'CHECK      RESULT    FOUND\n' +
      'version    ok        PostgreSQL 18.4\n' +
      'wal_level  obstacle  wal_level = replica\n' +
      '                     → set it\n\n1 obstacle.\n',
  );
  assert.match(renderPreflight([]), /Nothing stands in the way\.\n$/);
});
