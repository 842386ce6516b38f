import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../../shared/core/byte-reader.ts';

test('reads numbers, text and views in order', () => {
  const reader = new ByteReader(
    new Uint8Array([1, 0, 2, 255, 255, 255, 254, 2, 104, 105, 111, 107, 0, 9, 8]),
  );
  assert.equal(reader.u8(), 1);
  assert.equal(reader.u16(), 2);
  assert.equal(reader.i32(), -2);
  assert.equal(reader.text8(), 'hi');
  assert.equal(reader.textZ(), 'ok');
  assert.deepEqual(reader.bytes(2), new Uint8Array([9, 8]));
  assert.equal(reader.remaining, 0);
  assert.equal(reader.isExhausted, false);
});

test('past the end every read yields nothing and says so', () => {
  const reader = new ByteReader(new Uint8Array([1, 2, 3]));
  assert.equal(reader.u64(), 0n);
  assert.equal(reader.isExhausted, true);
  assert.equal(reader.u8(), 0);
  assert.equal(reader.bytes(1).byteLength, 0);
});

test('text without its zero byte exhausts the reader', () => {
  const reader = new ByteReader(new Uint8Array([104, 105]));
  assert.equal(reader.textZ(), '');
  assert.equal(reader.isExhausted, true);
});
