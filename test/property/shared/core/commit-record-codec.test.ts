import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommitRecord } from '../../../../shared/core/commit-record.ts';
import {
  decodeCommitRecord,
  encodeCommitRecord,
} from '../../../../shared/core/commit-record-codec.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { packRecord, unpackRecord } from '../../../../shared/runtime/record-packing.ts';

function plain<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const lsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => value as Lsn);
const timeUs = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 });
const epoch = fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((value) => value as Epoch);
const head = {
  epoch,
  origin: fc.stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/).map((text) => text as RegionId),
};
const position = plain({ epoch, endLsn: lsn });

const transaction = plain({
  xid: uint32,
  prevEndLsn: lsn,
  endLsn: lsn,
  commitTimeUs: timeUs,
  messages,
});
const record: fc.Arbitrary<CommitRecord> = fc.oneof(
  plain({
    ...head,
    kind: fc.constant('transactions' as const),
    transactions: fc.array(transaction, { maxLength: 5 }),
  }),
  plain({
    ...head,
    kind: fc.constant('chunk' as const),
    xid: uint32,
    part: uint32,
    isLast: fc.boolean(),
    prevEndLsn: lsn,
    endLsn: fc.option(lsn),
    commitTimeUs: timeUs,
    messages,
  }),
  plain({ ...head, kind: fc.constant('idle' as const), lsn, timeUs }),
  plain({ ...head, kind: fc.constant('epoch-start' as const), cut: position, timeUs }),
  plain({ ...head, kind: fc.constant('seed' as const), position, store: fc.string() }),
  plain({ ...head, kind: fc.constant('sealed' as const), position }),
  plain({ ...head, kind: fc.constant('opened' as const), timeline: uint32 }),
);

test('every record survives encoding and decoding', () => {
  fc.assert(
    fc.property(record, (given) => {
      assert.deepEqual(decodeCommitRecord(encodeCommitRecord(given)), given);
      assert.deepEqual(unpackRecord(packRecord(given)), given);
    }),
  );
});

test('random bytes are decoded or refused, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeCommitRecord(bytes);
      unpackRecord(bytes);
    }),
  );
});

test('a record with one byte changed is refused or re-encodes to those very bytes', () => {
  fc.assert(
    fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, place, change) => {
      const bytes = encodeCommitRecord(given).slice();
      const at = place % bytes.byteLength;
      bytes[at] = (bytes[at] ?? 0) ^ change;
      const decoded = decodeCommitRecord(bytes);
      if (decoded.kind === 'malformed') return;
      // Text may hold sequences that are no UTF-8; those do not come back byte by byte.
      if (decoded.kind === 'seed' && decoded.store.includes('\ufffd')) return;
      assert.deepEqual(encodeCommitRecord(decoded), bytes);
    }),
  );
});
