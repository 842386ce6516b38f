import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogMark } from '../../../../../services/replicator/core/log-map.ts';
import {
  decideTrim,
  isPassed,
  lastReader,
  type HeldLog,
  type LogReader,
} from '../../../../../services/replicator/core/log-retention.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import { at } from '../../../../helpers/control-records.ts';

/** Ten marks, 100 bytes and 1 s apart, the first after 100 bytes at 1 s. */
const marks: LogMark[] = Array.from({ length: 10 }, (_, index) => ({
  offset: BigInt(index + 1) as LogOffset,
  end: at(`1:0/${index + 1}0`),
  bytesBefore: (index + 1) * 100,
  atMs: (index + 1) * 1000,
}));
const log: HeldLog = { begins: at('1:0/0'), marks, heldBytes: 1000, totalBytes: 1000 };
const nowMs = 10_000;
const roomy = { keepMs: 3000, keepBytes: 1000, bytesMax: 2000 };

function reader(name: string, position: string | null, isActive = true): LogReader {
  return { name, position: position === null ? null : at(position), isActive };
}

interface Row {
  readonly name: string;
  readonly readers: readonly LogReader[];
  readonly limits?: Partial<typeof roomy>;
  readonly log?: Partial<HeldLog>;
  /** Offset to trim to, and who is passed. */
  readonly expected: readonly [bigint, ...string[]] | null;
}

const rows: readonly Row[] = [
  { name: 'nobody reads: the kept time stays', readers: [], expected: [7n] },
  { name: 'everybody has it: the same', readers: [reader('us', '1:0/100')], expected: [7n] },
  { name: 'a reader behind holds it', readers: [reader('us', '1:0/40')], expected: [4n] },
  { name: 'one between marks, too', readers: [reader('us', '1:0/4f')], expected: [4n] },
  { name: 'one that is away, too', readers: [reader('us', '1:0/40', false)], expected: [4n] },
  { name: 'one that never said so holds all', readers: [reader('us', null)], expected: null },
  {
    name: 'more than the kept bytes goes although it is young',
    readers: [],
    limits: { keepMs: 99_000, keepBytes: 200 },
    expected: [8n],
  },
  {
    name: 'below the limit a reader that is away is waited for',
    readers: [reader('us', '1:0/10', false)],
    limits: { bytesMax: 1000 },
    expected: [1n],
  },
  {
    name: 'above it that reader is passed, as far as need be',
    readers: [reader('us', '1:0/10', false), reader('ap', '1:0/90')],
    limits: { bytesMax: 500 },
    expected: [5n, 'us'],
  },
  {
    name: 'above it an unknown one is passed, too',
    readers: [reader('us', null, false)],
    limits: { bytesMax: 500 },
    expected: [5n, 'us'],
  },
  {
    name: 'an active one is never passed',
    readers: [reader('us', null, false), reader('ap', '1:0/20')],
    limits: { bytesMax: 500 },
    expected: [2n, 'us'],
  },
  {
    name: 'not even by one that needs less',
    readers: [reader('us', '1:0/80', false), reader('ap', null)],
    limits: { bytesMax: 500 },
    expected: null,
  },
  {
    name: 'one that was passed holds nothing any more',
    readers: [reader('us', '1:0/5', false)],
    log: { begins: at('1:0/8') },
    expected: [7n],
  },
  {
    name: 'one transaction larger than the limit stays until all have it',
    readers: [reader('us', '1:0/100')],
    limits: { bytesMax: 50, keepBytes: 50 },
    expected: [10n],
  },
];

describe('how much of a log is deleted', () => {
  for (const { name, readers, limits, log: changes, expected } of rows) {
    it(name, () => {
      const given = { readers, limits: { ...roomy, ...limits } };
      const decision = decideTrim({ ...log, ...changes }, given, nowMs);
      const found =
        decision.kind === 'keep'
          ? null
          : [decision.to.offset, ...decision.passed.map((one) => one.name)];
      assert.deepEqual(found, expected, decision.why);
    });
  }
});

it('who has come least far is named, unknown ones first', () => {
  assert.equal(lastReader([reader('us', '1:0/20'), reader('ap', '1:0/10')]), 'ap');
  assert.equal(lastReader([reader('us', '1:0/20'), reader('ap', null)]), 'ap');
  assert.equal(lastReader([]), null);
});

it('passed is who lacks what lies before the beginning', () => {
  assert.equal(isPassed(reader('us', '1:0/10'), at('1:0/10')), false);
  assert.equal(isPassed(reader('us', '1:0/10'), at('1:0/11')), true);
  assert.equal(isPassed(reader('us', null), at('1:0/11')), false);
});
