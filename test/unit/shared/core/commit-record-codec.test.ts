import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitRecord } from '../../../../shared/core/commit-record.ts';
import {
  decodeCommitRecord,
  encodeCommitRecord,
} from '../../../../shared/core/commit-record-codec.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../shared/core/region.ts';

const head = { epoch: 7 as Epoch, origin: 'eu-west' as RegionId };
const position = { epoch: 6 as Epoch, endLsn: 0x1_0000_0010n as Lsn };
const messages = [new Uint8Array([82, 1]), new Uint8Array(0), new Uint8Array([73, 2, 3])];
const lsns = { prevEndLsn: 16n as Lsn, endLsn: 0xffff_ffff_ffff_fff0n as Lsn };

const records: Record<string, CommitRecord> = {
  'two transactions': {
    ...head,
    kind: 'transactions',
    transactions: [
      { ...lsns, xid: 4_294_967_295, commitTimeUs: 12n, messages },
      { ...lsns, xid: 1, commitTimeUs: -5n, messages: [] },
    ],
  },
  'no transaction': { ...head, kind: 'transactions', transactions: [] },
  'middle chunk': {
    ...head,
    kind: 'chunk',
    xid: 9,
    part: 3,
    isLast: false,
    prevEndLsn: 8n as Lsn,
    endLsn: null,
    commitTimeUs: 1n,
    messages,
  },
  'last chunk': {
    ...head,
    ...lsns,
    kind: 'chunk',
    xid: 9,
    part: 4,
    isLast: true,
    commitTimeUs: 1n,
    messages: [],
  },
  idle: { ...head, kind: 'idle', lsn: 99n as Lsn, timeUs: 123n },
  'epoch start': { ...head, kind: 'epoch-start', cut: position, timeUs: 5n },
  seed: { ...head, kind: 'seed', position, store: 'a-store' },
  sealed: { ...head, kind: 'sealed', position },
  opened: { ...head, kind: 'opened', timeline: 3 },
};

for (const [name, record] of Object.entries(records)) {
  test(`${name} survives encoding and decoding`, () => {
    assert.deepEqual(decodeCommitRecord(encodeCommitRecord(record)), record);
  });

  test(`${name} cut short is malformed at every length`, () => {
    const bytes = encodeCommitRecord(record);
    for (let length = 0; length < bytes.byteLength; length += 1) {
      const decoded = decodeCommitRecord(bytes.subarray(0, length));
      assert.equal(decoded.kind, 'malformed');
    }
  });
}

test('the layout of an idle record is fixed', () => {
  const bytes = encodeCommitRecord({ ...head, kind: 'idle', lsn: 0x10n as Lsn, timeUs: 2n });
  const expected = '0103000000070765752d7765737400000000000000100000000000000002';
  assert.equal(Buffer.from(bytes).toString('hex'), expected);
});

test('an unknown version, an unknown kind and trailing bytes are malformed', () => {
  const bytes = encodeCommitRecord({ ...head, kind: 'opened', timeline: 3 });
  assert.equal(decodeCommitRecord(new Uint8Array([2, ...bytes.subarray(1)])).kind, 'malformed');
  assert.equal(decodeCommitRecord(new Uint8Array([1, 99, ...bytes.subarray(2)])).kind, 'malformed');
  assert.equal(decodeCommitRecord(new Uint8Array([...bytes, 0])).kind, 'malformed');
});
