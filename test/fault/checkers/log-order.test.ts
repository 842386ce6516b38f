// test: light
/** The checker of logs: good ones pass, each planted fault is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  findControlViolations,
  findLogViolations,
  type LoggedEntry,
  type RegionLog,
} from './log-order.ts';

const cuts = [
  { epoch: 1, cut: { epoch: 0, lsn: 0n } },
  { epoch: 2, cut: { epoch: 1, lsn: 30n } },
];
const start1 = start(1);
const [first, second, third] = [entry(1, 10n, 0n), entry(1, 20n, 10n), entry(1, 30n, 20n)];
const beyond = entry(1, 40n, 30n);
const start2 = start(2);
const after = entry(2, 5n, 0n);
const history = [start1, first, second, third, start2, after];

describe('data logs', () => {
  const good: [string, readonly LoggedEntry[]][] = [
    ['the same everywhere', history],
    ['a record sent twice', [start1, first, second, first, second, third, start2, after]],
    ['a tail beyond the cut', [start1, first, second, third, beyond, start2, after]],
  ];
  for (const [name, entries] of good) {
    it(`passes ${name}`, () => {
      assert.deepEqual(findLogViolations([log('a', history), log('b', entries)], cuts), []);
    });
  }
  it('passes a copy that begins late', () => {
    const seeded = { ...log('b', [third, start2, after]), seededAt: third };
    assert.deepEqual(findLogViolations([log('a', history), seeded], cuts), []);
    const empty = { ...log('b', [start2, after]), seededAt: third };
    assert.deepEqual(findLogViolations([log('a', history), empty], cuts), []);
  });
  const bad: [string, readonly LoggedEntry[], RegExp][] = [
    ['a lost record', [start1, first, third, start2, after], /a gap between 1:a and 1:1e/],
    ['a lost end', [start1, first, second, third, start2], /b lacks 2:5/],
    ['an epoch begun too early', [start1, first, second, start2, after], /epoch 2 begins after/],
    ['other bytes', [start1, first, changed(second), third, start2, after], /another record/],
    ['two records of one place', [...history, changed(after)], /two records of 2:5/],
    ['records out of order', [start1, second, first, third, start2, after], /has 1:a after 1:14/],
    // Dedup by LSN without epoch: the second epoch's record is taken for one of the first.
    ['a record skipped as known', [start1, first, second, third, start2], /b lacks 2:5/],
  ];
  for (const [name, entries, expected] of bad) {
    it(`finds ${name}`, () => {
      const found = findLogViolations([log('a', history), log('b', entries)], cuts);
      assert.match(found.join('\n'), expected);
    });
  }
  it('finds a region that applied what is beyond a cut', () => {
    const entries = [start1, first, second, third, beyond, start2, after];
    const found = findLogViolations([{ ...log('a', entries), applied: beyond }], cuts);
    assert.match(found.join('\n'), /a applied up to 1:28/);
  });
  it('finds a gap right after a copy', () => {
    const seeded = { ...log('b', [second, entry(1, 30n, 25n), start2, after]), seededAt: second };
    assert.match(findLogViolations([seeded], cuts).join('\n'), /a gap between 1:14 and 1:1e/);
  });
});

describe('control topic', () => {
  const records = [
    { offset: 0n, text: 'hello' },
    { offset: 1n, text: 'renew' },
  ];
  it('passes when all read the same', () => {
    const readings = [
      { region: 'a', records },
      { region: 'b', records },
    ];
    assert.deepEqual(findControlViolations(readings), []);
  });
  it('finds another text, a record that one lacks, a gap', () => {
    const other = { region: 'b', records: [{ offset: 0n, text: 'hello' }, record(1n, 'seal')] };
    assert.equal(findControlViolations([{ region: 'a', records }, other]).length, 1);
    const short = { region: 'b', records: records.slice(0, 1) };
    assert.equal(findControlViolations([{ region: 'a', records }, short]).length, 1);
    const gap = [record(0n, 'hello'), record(2n, 'renew')];
    assert.equal(findControlViolations([{ region: 'a', records: gap }]).length, 1);
  });
});

function log(region: string, entries: readonly LoggedEntry[]): RegionLog {
  return { region, entries, seededAt: null, applied: null };
}

function entry(epoch: number, lsn: bigint, prevLsn: bigint): LoggedEntry {
  return { epoch, lsn, prevLsn, digest: `${epoch}:${lsn}` };
}

function start(epoch: number): LoggedEntry {
  return { epoch, lsn: 0n, prevLsn: null, digest: `start ${epoch}` };
}

function changed(one: LoggedEntry): LoggedEntry {
  return { ...one, digest: 'other' };
}

function record(offset: bigint, text: string): { offset: bigint; text: string } {
  return { offset, text };
}
