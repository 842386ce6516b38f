import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderVerify, type VerifyReport } from '../../../../../services/cli/core/verify-view.ts';

const equal: VerifyReport = {
  isEqual: true,
  primary: 'eu-west',
  regions: ['eu-west', 'us-east'],
  position: '2:0/5A3F2E10',
  tables: [
    { table: '"public"."note"', rows: 12_000, ranges: 3, differences: [], undecided: 0 },
    { table: '"public"."hot"', rows: 5, ranges: 1, differences: [], undecided: 2 },
  ],
  rows: 12_005,
  elapsedMs: 1500,
  ended: null,
};

test('one line per table, and the verdict with the position', () => {
  const text = renderVerify(equal);
  assert.match(text, /"public"\."note" +12,000 +3 +equal\n/);
  assert.match(text, /"public"\."hot" +5 +1 +equal, 2 keys were written all the while\n/);
  assert.match(
    text,
    /eu-west, us-east are equal: 12,005 rows of 2 tables in 1\.5s, all regions at/,
  );
});

test('each key that differs is named with its region', () => {
  const differences = [{ region: 'us-east', key: '["7"]', kind: 'missing' as const }];
  const tables = [{ table: '"public"."note"', rows: 1, ranges: 1, differences, undecided: 0 }];
  const text = renderVerify({ ...equal, isEqual: false, tables });
  assert.match(text, /1 keys differ/);
  assert.match(text, /us-east: "public"\."note" \["7"\] is missing\n/);
  assert.match(text, /eu-west, us-east differ/);
});

test('a run that ended early says how to go on', () => {
  const ended = { why: 'It was ended.', table: `public.o'neil`, above: ['7', `it's`] };
  const text = renderVerify({ ...equal, isEqual: false, ended });
  assert.match(text, /eu-west, us-east are equal so far: /);
  const words = `--from 'public.o'\\''neil' --above '["7","it'\\''s"]'`;
  assert.ok(text.endsWith(`It was ended. Go on with: npx meridian verify ${words}\n`), text);
  const none = renderVerify({
    ...equal,
    ended: { why: 'Gone.', table: 'public.note', above: null },
  });
  assert.ok(none.endsWith('Gone. Go on with: npx meridian verify --from public.note\n'), none);
});
