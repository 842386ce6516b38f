import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeFrame,
  encodeFrame,
  type LinkFrame,
} from '../../../../../services/replicator/core/link-frame.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import { parsePosition, zeroPosition } from '../../../../../shared/core/position.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const position = parsePosition('3:1/20') ?? zeroPosition;

const frames: readonly LinkFrame[] = [
  { kind: 'hello', region: 'eu-west' as RegionId },
  { kind: 'subscribe', id: 1, epoch: 3 as Epoch, from: position, creditBytes: 4096 },
  { kind: 'credit', id: 1, bytes: 100 },
  { kind: 'applied', applied: zeroPosition, reached: position, store: 'a-store' },
  { kind: 'heartbeat' },
  { kind: 'record', id: 1, bytes: new Uint8Array([1, 2, 3]) },
  { kind: 'refused', id: 1, why: 'it does not replicate', begins: null },
  { kind: 'refused', id: 1, why: 'the log begins later', begins: parsePosition('2:0/50') },
  { kind: 'unsubscribe', id: 1 },
];

for (const frame of frames) {
  test(`a frame ${frame.kind} survives encoding and decoding`, () => {
    assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
  });

  test(`a frame ${frame.kind} with a byte less is malformed or another record`, () => {
    const bytes = encodeFrame(frame);
    const decoded = decodeFrame(bytes.subarray(0, bytes.byteLength - 1));
    assert.equal(decoded.kind, frame.kind === 'record' ? 'record' : 'malformed');
  });
}

test('an unknown frame, another version and trailing bytes are malformed', () => {
  assert.equal(decodeFrame(new Uint8Array([99])).kind, 'malformed');
  const hello = encodeFrame({ kind: 'hello', region: 'eu-west' as RegionId }).slice();
  hello[1] = 2;
  assert.equal(decodeFrame(hello).kind, 'malformed');
  assert.equal(decodeFrame(new Uint8Array([5, 0])).kind, 'malformed');
});
