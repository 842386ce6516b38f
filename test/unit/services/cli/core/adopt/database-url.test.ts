import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDatabaseUrl } from '../../../../../../services/cli/core/adopt/database-url.ts';

test('user, host, port and database', () => {
  assert.deepEqual(readDatabaseUrl('postgres://m%65@db.example:5433/shop'), {
    kind: 'url',
    url: { host: 'db.example', port: 5433, database: 'shop', user: 'me' },
  });
  assert.deepEqual(readDatabaseUrl('postgresql://me@10.0.0.1/shop'), {
    kind: 'url',
    url: { host: '10.0.0.1', port: 5432, database: 'shop', user: 'me' },
  });
});

const rows = {
  'another scheme': 'http://me@h/shop',
  'a password': 'postgresql://me:secret@h/shop',
  'no user': 'postgresql://h/shop',
  'no database': 'postgresql://me@h',
  'two hosts': 'postgresql://me@h,i/shop/x',
  options: 'postgresql://me@h/shop?sslmode=require',
  'a name of capitals': 'postgresql://me@h/Shop',
};
for (const [name, text] of Object.entries(rows)) {
  test(`${name} is refused`, () => {
    assert.equal(readDatabaseUrl(text).kind, 'malformed');
  });
}
