import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chunkedStart,
  readChunked,
} from '../../../../../../services/gateway/core/http1/chunked-body.ts';

const read = (text: string) => readChunked(chunkedStart, Buffer.from(text, 'latin1'));

test('chunks, extensions and trailers; what follows is left', () => {
  const text = '3;a="b"\r\nabc\r\n0A \r\n0123456789\r\n0\r\nX-Sum:  7 \r\nx-sum: 8\r\n\r\nnext';
  const got = read(text);
  assert.ok(got.kind === 'done');
  assert.equal(got.pieces.map(([from, to]) => text.slice(from, to)).join(''), 'abc0123456789');
  assert.deepEqual(got.trailers, { 'x-sum': '7, 8' });
  assert.equal(text.slice(got.end), 'next');
});

const refused: Readonly<Record<string, string>> = {
  'no size': '\r\n',
  'no number': 'x\r\n',
  'a prefix': '0x1\r\na\r\n',
  'a sign': '+1\r\na\r\n',
  'a blank before': ' 1\r\na\r\n',
  'a huge size': 'fffffffffffff\r\n',
  'a bare line feed': '1\na\r\n',
  'a bare carriage return': '1\rx\r\na\r\n',
  'too long a chunk': '1\r\nab\r\n',
  'a long line': `1;${'a'.repeat(2000)}\r\n`,
  'a long line without end': `1;${'a'.repeat(2000)}`,
  'a bad trailer': '0\r\na b: c\r\n\r\n',
  'a trailer that is no property': '0\r\n__proto__: c\r\n\r\n',
  'many trailers': `0\r\n${'a: b\r\n'.repeat(9000)}\r\n`,
};
for (const [name, text] of Object.entries(refused)) {
  test(`refused: ${name}`, () => assert.equal(read(text).kind, 'malformed'));
}
