import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitRecord } from '../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { packRecord, unpackRecord } from '../../../../shared/runtime/record-packing.ts';

function recordOf(message: Uint8Array): CommitRecord {
  return {
    kind: 'chunk',
    epoch: 1 as Epoch,
    origin: 'eu-west' as RegionId,
    xid: 1,
    part: 0,
    isLast: false,
    prevEndLsn: 0n as Lsn,
    endLsn: null,
    commitTimeUs: 0n,
    messages: [message],
  };
}

test('a large compressible record is stored deflated and read back', () => {
  const record = recordOf(new Uint8Array(100_000).fill(65));
  const packed = packRecord(record);
  assert.ok(packed.byteLength < 2_000);
  assert.equal(packed[0], 0x81);
  const unpacked = unpackRecord(packed);
  assert.equal(unpacked.kind, 'chunk');
  assert.ok(unpacked.kind === 'chunk');
  assert.ok(Buffer.from(unpacked.messages[0] ?? []).equals(Buffer.alloc(100_000, 65)));
});

test('a small record stays plain', () => {
  assert.equal(packRecord(recordOf(new Uint8Array(10)))[0], 1);
});

test('damaged deflate data is malformed, never an exception', () => {
  const packed = Buffer.from(packRecord(recordOf(new Uint8Array(100_000).fill(65))));
  assert.equal(unpackRecord(packed.subarray(0, 3)).kind, 'malformed');
  assert.equal(unpackRecord(packed.subarray(0, 50)).kind, 'malformed');
  packed.writeUInt32BE(7, 1);
  assert.equal(unpackRecord(packed).kind, 'malformed');
});
