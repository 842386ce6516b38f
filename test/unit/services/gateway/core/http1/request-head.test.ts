import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRequestHead } from '../../../../../../services/gateway/core/http1/request-head.ts';

const format = (path: string, ...headers: readonly string[]): string | null =>
  formatRequestHead('GET', path, { headers, host: 'own:80' });

test('the host is the one given, else the own; a length is left out', () => {
  assert.equal(
    format('/a?b', 'x', '\u00e4'),
    'GET /a?b HTTP/1.1\r\nhost: own:80\r\nx: \u00e4\r\nconnection: keep-alive\r\n\r\n',
  );
  assert.equal(
    format('/', 'host', 'other', 'content-length', '5'),
    'GET / HTTP/1.1\r\nhost: other\r\nconnection: keep-alive\r\n\r\n',
  );
});

const refused: readonly [string, string | null][] = [
  ['a line end in a value', format('/', 'a', 'b\r\nc: d')],
  ['a bare line feed in a value', format('/', 'a', 'b\nc')],
  ['a character beyond latin1', format('/', 'a', '\u2028')],
  ['a blank in a name', format('/', 'a b', 'c')],
  ['an empty name', format('/', '', 'c')],
  ['a blank in the target', format('/a HTTP/1.1\r\nx: y')],
  ['a target that is no path', format('http://a/')],
  ['two hosts', format('/', 'host', 'a', 'host', 'a')],
  ['a coding', format('/', 'transfer-encoding', 'chunked')],
  ['connection options', format('/', 'connection', 'close')],
];
for (const [name, text] of refused) test(`refused: ${name}`, () => assert.equal(text, null));
