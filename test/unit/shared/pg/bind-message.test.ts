import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindMessage } from '../../../../shared/pg/bind-message.ts';

test('a bind message is as the manual says, whatever the values', () => {
  const bytes = Buffer.concat([...bindMessage('p1', ['ab', null, '', 'é'])]);
  const expected = [
    ...[66, 0, 0, 0, 34],
    ...[0, 112, 49, 0],
    ...[0, 0, 0, 4],
    ...[0, 0, 0, 2, 97, 98],
    ...[255, 255, 255, 255],
    ...[0, 0, 0, 0],
    ...[0, 0, 0, 2, 0xc3, 0xa9],
    ...[0, 0],
  ];
  assert.deepEqual([...bytes], expected);
  assert.equal(bytes.readUInt32BE(1), bytes.byteLength - 1);
});
