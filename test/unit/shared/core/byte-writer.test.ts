import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../../shared/core/byte-reader.ts';
import { ByteWriter } from '../../../../shared/core/byte-writer.ts';

test('what is written is read back, also when the buffer has to grow', () => {
  const writer = new ByteWriter(1);
  writer.u8(255);
  writer.u16(65_535);
  writer.u32(4_294_967_295);
  writer.u64(18_446_744_073_709_551_615n);
  writer.i64(-1n);
  writer.text8('é');
  writer.text16('');
  writer.bytes(new Uint8Array([7]));
  const reader = new ByteReader(writer.finish());
  assert.equal(reader.u8(), 255);
  assert.equal(reader.u16(), 65_535);
  assert.equal(reader.u32(), 4_294_967_295);
  assert.equal(reader.u64(), 18_446_744_073_709_551_615n);
  assert.equal(reader.i64(), -1n);
  assert.equal(reader.text8(), 'é');
  assert.equal(reader.text16(), '');
  assert.equal(reader.u8(), 7);
  assert.equal(reader.remaining, 0);
});
