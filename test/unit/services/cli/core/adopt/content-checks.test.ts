import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkContent,
  type ContentFacts,
} from '../../../../../../services/cli/core/adopt/content-checks.ts';
import { goodContent, own } from './facts.ts';

type Row = readonly [
  name: string,
  change: Partial<ContentFacts>,
  check: string,
  verdict: 'note' | 'obstacle',
];

const rows: readonly Row[] = [
  ['opened by a cluster', { openedEpoch: 3 }, 'names', 'obstacle'],
  ['an earlier attempt', { takenNames: ['meridian_owner'] }, 'names', 'note'],
  ['a libc locale', { collation: { provider: 'libc', locale: 'de_DE' } }, 'collation', 'note'],
  ['an extension not there', { extensions: ['postgis'] }, 'extensions', 'obstacle'],
  ['an extension of own ways', { extensions: ['pg_cron'] }, 'extensions', 'obstacle'],
  ['no key', { tablesWithoutKey: ['public.t'] }, 'replica identity', 'note'],
  ['virtual, no key', { virtualWithoutKey: ['public.t'] }, 'replica identity', 'obstacle'],
  ['unlogged', { unloggedTables: ['public.cache'] }, 'unlogged tables', 'obstacle'],
  ['large objects', { largeObjects: 2 }, 'large objects', 'obstacle'],
  ['prepared', { preparedTransactions: 1 }, 'prepared transactions', 'obstacle'],
  ['subscriptions', { subscriptions: ['from_x'] }, 'subscriptions', 'obstacle'],
];

test('nothing stands in the way of a database that holds only rows', () => {
  const findings = checkContent(goodContent, own);
  assert.deepEqual([...new Set(findings.map(({ verdict }) => verdict))], ['ok']);
});

test('a locale of C sorts alike everywhere', () => {
  const collation = { provider: 'libc', locale: 'C' };
  const findings = checkContent({ ...goodContent, collation }, own);
  assert.equal(findings.find(({ check }) => check === 'collation')?.verdict, 'ok');
});

for (const [name, change, check, verdict] of rows) {
  test(`${name}: ${verdict}, with its fix`, () => {
    const wrong = checkContent({ ...goodContent, ...change }, own).filter(
      (finding) => finding.verdict !== 'ok',
    );
    assert.deepEqual(
      wrong.map((finding) => [finding.check, finding.verdict]),
      [[check, verdict]],
    );
    assert.notEqual(wrong[0]?.fix ?? '', '');
  });
}

test('long lists are cut and counted', () => {
  const unloggedTables = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const findings = checkContent({ ...goodContent, unloggedTables }, own);
  const found = findings.find(({ check }) => check === 'unlogged tables')?.found;
  assert.equal(found, 'a, b, c, d, e and 2 more');
});
