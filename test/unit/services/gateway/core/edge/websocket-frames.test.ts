import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  atStart,
  closeFrame,
  isBetweenFrames,
  pingFrame,
  trackFrames,
} from '../../../../../../services/gateway/core/edge/websocket-frames.ts';

/** An unmasked frame with a payload of that many bytes. */
function frame(opcode: number, length: number, isMasked = false): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const head =
    length < 126
      ? [0x80 + opcode, mask + length]
      : length < 65_536
        ? [0x80 + opcode, mask + 126, length >> 8, length & 0xff]
        : [
            0x80 + opcode,
            mask + 127,
            0,
            0,
            0,
            0,
            0,
            length >> 16,
            (length >> 8) & 0xff,
            length & 0xff,
          ];
  return Buffer.concat([Buffer.from(head), Buffer.alloc((isMasked ? 4 : 0) + length)]);
}

for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
  for (const isMasked of [false, true]) {
    test(`a frame of ${String(length)} bytes, ${isMasked ? 'masked' : 'plain'}, in pieces`, () => {
      const bytes = frame(2, length, isMasked);
      const whole = trackFrames(atStart, bytes);
      assert.equal(whole.boundary, bytes.length);
      assert.ok(isBetweenFrames(whole.state));
      const cut = trackFrames(atStart, bytes.subarray(0, bytes.length - 1));
      assert.ok(!isBetweenFrames(cut.state));
      assert.equal(trackFrames(cut.state, bytes.subarray(-1)).boundary, 1);
    });
  }
}

test('the last boundary in a chunk of several frames', () => {
  const bytes = Buffer.concat([frame(1, 3), frame(1, 0), frame(1, 200).subarray(0, 50)]);
  assert.equal(trackFrames(atStart, bytes).boundary, 7);
});

test('byte by byte is the same as at once', () => {
  const bytes = Buffer.concat([frame(1, 3), frame(9, 0), frame(2, 300, true)]);
  let state = atStart;
  for (const byte of bytes) ({ state } = trackFrames(state, Uint8Array.of(byte)));
  assert.deepEqual(state, trackFrames(atStart, bytes).state);
});

test('a close frame is seen, and the gateway’s own read as frames', () => {
  const close = Buffer.from(closeFrame(1012, 'restart', null));
  const tracked = trackFrames(atStart, close);
  assert.equal(tracked.state.isClosing, true);
  assert.equal(tracked.boundary, close.length);
  assert.equal(close.readUInt16BE(2), 1012);
  assert.equal(close.subarray(4).toString(), 'restart');
  const masked = Buffer.from(closeFrame(1001, 'x', [1, 2, 3, 4]));
  assert.equal(trackFrames(atStart, masked).boundary, masked.length);
  assert.equal(trackFrames(atStart, Buffer.from(pingFrame)).boundary, 2);
});

test('control frames are told from messages, in one piece or byte by byte', () => {
  const rows: [string, Buffer, boolean][] = [
    ['text', frame(1, 3), true],
    ['an empty message', frame(2, 0), true],
    ['a fragment', frame(0, 5), true],
    ['ping', frame(9, 4), false],
    ['pong', frame(10, 0, true), false],
    ['close', frame(8, 2), false],
    ['ping behind text', Buffer.concat([frame(1, 1), frame(9, 0)]), true],
  ];
  for (const [name, bytes, hasData] of rows) {
    assert.equal(trackFrames(atStart, bytes).hasData, hasData, name);
    let state = atStart;
    let seen = false;
    for (const byte of bytes) {
      const tracked = trackFrames(state, Uint8Array.of(byte));
      ({ state } = tracked);
      seen ||= tracked.hasData;
    }
    assert.equal(seen, hasData, name);
  }
});
