import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordIn } from '../../../../../../services/cli/core/adopt/pass-file.ts';

const wanted = { host: 'db.example', port: 5432, database: 'shop', user: 'boss' };

const rows: readonly (readonly [string, string, string | null])[] = [
  ['the first line that fits', 'x:5432:*:*:no\ndb.example:5432:shop:boss:yes\n*:*:*:*:late', 'yes'],
  ['any', '*:*:*:*:all', 'all'],
  ['colons and backslashes', 'db.example:5432:shop:boss:a\\:b\\\\c', 'a:b\\c'],
  ['a comment, a short line', '#*:*:*:*:no\n*:*:*:no\n', null],
  ['another user', 'db.example:5432:shop:me:no', null],
  ['another port', 'db.example:5433:shop:boss:no', null],
  ['lines of another system', 'db.example:5432:*:*:yes\r\n', 'yes'],
];

for (const [name, text, expected] of rows) {
  test(name, () => assert.equal(passwordIn(text, wanted), expected));
}

test('escaped in a name; a folder of sockets is localhost too', () => {
  assert.equal(passwordIn('a\\:b:5432:shop:boss:x', { ...wanted, host: 'a:b' }), 'x');
  assert.equal(passwordIn('localhost:5432:shop:boss:x', { ...wanted, host: '/run' }), 'x');
});
