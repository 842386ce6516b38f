import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResponseHead } from '../../../../../../services/gateway/core/http1/response-head.ts';

const lines = (...all: readonly string[]): string => all.join('\r\n');

test('headers: names in lower case, values without blanks, repeated ones as a list', () => {
  const head = parseResponseHead(
    lines(
      'HTTP/1.1 200 OK',
      'Content-Length:\t5 ',
      'Set-Cookie: a',
      'set-cookie: b',
      'X-\u00e4: 1',
    ),
  );
  assert.equal(head, null);
  const sound = parseResponseHead(
    lines('HTTP/1.1 200 OK', 'Content-Length:\t5 ', 'Set-Cookie: a', 'set-cookie: b', 'x: \u00a0 '),
  );
  assert.deepEqual(sound, {
    status: 200,
    headers: { 'content-length': '5', 'set-cookie': ['a', 'b'], x: '\u00a0' },
    body: 5,
    keepMs: 4000,
  });
});

const bodies: readonly [string, string, unknown][] = [
  ['a length', lines('HTTP/1.1 200', 'content-length: 12'), 12],
  ['chunked', lines('HTTP/1.1 200 OK', 'Transfer-Encoding: Chunked'), 'chunked'],
  ['neither', 'HTTP/1.1 200 OK', 'until-close'],
  ['neither, and none by its status', 'HTTP/1.1 204 No Content', 0],
  ['an interim reply', lines('HTTP/1.1 103 Early Hints', 'link: <a>'), 0],
  ['not modified', lines('HTTP/1.1 304 Not Modified', 'content-length: 12'), 0],
];
for (const [name, text, body] of bodies) {
  test(`end of the body: ${name}`, () => assert.equal(parseResponseHead(text)?.body, body));
}

const refused: Readonly<Record<string, string>> = {
  'two lengths': lines('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 1'),
  'a list of lengths': lines('HTTP/1.1 200 OK', 'content-length: 1, 1'),
  'a signed length': lines('HTTP/1.1 200 OK', 'content-length: +1'),
  'an empty length': lines('HTTP/1.1 200 OK', 'content-length:'),
  'length and coding': lines('HTTP/1.1 200 OK', 'content-length: 1', 'transfer-encoding: chunked'),
  'another coding': lines('HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked'),
  'two codings': lines(
    'HTTP/1.1 200 OK',
    'transfer-encoding: chunked',
    'transfer-encoding: chunked',
  ),
  'coding in HTTP/1.0': lines('HTTP/1.0 200 OK', 'transfer-encoding: chunked'),
  'a blank before the colon': lines('HTTP/1.1 200 OK', 'content-length : 1'),
  'a folded line': lines('HTTP/1.1 200 OK', 'a: b', ' c'),
  'a bare line feed': 'HTTP/1.1 200 OK\r\na: b\nc: d',
  'a bare carriage return': 'HTTP/1.1 200 OK\r\na: b\rc',
  'a zero byte': lines('HTTP/1.1 200 OK', 'a: \u0000'),
  'no colon': lines('HTTP/1.1 200 OK', 'a'),
  'no name': lines('HTTP/1.1 200 OK', ': a'),
  'no status': 'HTTP/1.1 OK',
  'a long status': 'HTTP/1.1 2000 OK',
  'another version': 'HTTP/2.0 200 OK',
  'another protocol': 'SSH-2.0-x',
  nothing: '',
  'a name that is no property': lines('HTTP/1.1 200 OK', '__proto__: a'),
};
for (const [name, text] of Object.entries(refused)) {
  test(`refused: ${name}`, () => assert.equal(parseResponseHead(text), null));
}

test('names of inherited properties are names like others', () => {
  const head = parseResponseHead(lines('HTTP/1.1 204 x', 'constructor: a', 'toString: b'));
  assert.equal(head?.headers['constructor'], 'a');
  assert.equal(head?.headers['tostring'], 'b');
});

const kept: readonly [string, string, number][] = [
  ['usually', lines('HTTP/1.1 200 OK', 'content-length: 0'), 4000],
  ['as the upstream says', lines('HTTP/1.1 204 x', 'keep-alive: timeout=5, max=9'), 3000],
  ['as it says behind others', lines('HTTP/1.1 204 x', 'keep-alive: max=9, Timeout=7'), 5000],
  ['as usual when it says nothing', lines('HTTP/1.1 204 x', 'keep-alive: timeout=x'), 4000],
  ['not so shortly', lines('HTTP/1.1 204 x', 'keep-alive: timeout=1'), 0],
  ['not when it closes', lines('HTTP/1.1 204 x', 'connection: x, Close'), 0],
  ['not with HTTP/1.0', lines('HTTP/1.0 200 OK', 'content-length: 0'), 0],
  ['with HTTP/1.0 that says so', lines('HTTP/1.0 204 x', 'connection: Keep-Alive'), 4000],
  ['not when the close ends the body', 'HTTP/1.1 200 OK', 0],
  ['not when there may be a body', lines('HTTP/1.1 204 x', 'content-length: 3'), 0],
];
for (const [name, text, keepMs] of kept) {
  test(`the connection is kept: ${name}`, () => {
    assert.equal(parseResponseHead(text)?.keepMs, keepMs);
  });
}
