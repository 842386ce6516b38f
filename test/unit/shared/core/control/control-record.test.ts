import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameNote, type Note } from '../../../../../shared/core/control/control-record.ts';

const tail: Note = {
  ...{ about: 'tail', transactions: 1, rows: 2 },
  ...{ mayBeConfirmed: false, isListed: true },
};

const rows: readonly (readonly [string, Note, Note, boolean])[] = [
  ['two openings', { about: 'opened', pauseMs: 1 }, { about: 'opened', pauseMs: 2 }, true],
  ['an opening and a tail', { about: 'opened', pauseMs: 1 }, tail, false],
  ['the same tail', tail, { ...tail }, true],
  ['a tail with more rows', tail, { ...tail, rows: 3 }, false],
  ['a tail that was not listed', tail, { ...tail, isListed: false }, false],
];

for (const [name, a, b, expected] of rows) {
  test(`${name} ${expected ? 'say' : 'do not say'} the same`, () => {
    assert.equal(isSameNote(a, b), expected);
  });
}
