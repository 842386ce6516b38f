import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readDatabaseUrl,
  type DatabaseUrl,
} from '../../../../../../services/cli/core/adopt/database-url.ts';

const plain = { port: 5432, database: 'shop', user: 'me', password: null, tls: null };
const secured = { isNameChecked: true, authorityFile: '/a/ca.pem', own: null };
const full = 'sslmode=verify-full&sslrootcert=/a/ca.pem';

const good: readonly (readonly [string, DatabaseUrl])[] = [
  ['postgres://m%65@db.example:5433/shop', { ...plain, host: 'db.example', port: 5433 }],
  ['postgresql://me@10.0.0.1/shop', { ...plain, host: '10.0.0.1' }],
  ['postgresql://me@[fd00::1]:5432/shop', { ...plain, host: 'fd00::1' }],
  ['postgresql://me@%2Frun%2Fpg/shop', { ...plain, host: '/run/pg' }],
  ['postgresql://me:s%40%3A@h/shop', { ...plain, host: 'h', password: 's@:' }],
  ['postgresql://me@h/shop?sslmode=disable', { ...plain, host: 'h' }],
  [`postgresql://me@h/shop?${full}`, { ...plain, host: 'h', tls: secured }],
  [
    'postgresql://me@h/shop?sslrootcert=%2Fa%2Fca.pem&sslmode=verify-ca&sslcert=c&sslkey=k',
    {
      ...{ ...plain, host: 'h' },
      tls: { ...secured, isNameChecked: false, own: { certificateFile: 'c', keyFile: 'k' } },
    },
  ],
];
for (const [text, url] of good) {
  test(text, () => assert.deepEqual(readDatabaseUrl(text), { kind: 'url', url }));
}

const rows: Readonly<Record<string, readonly [text: string, why: RegExp]>> = {
  'another scheme': ['http://me@h/shop', /begins with/],
  'no user': ['postgresql://h/shop', /names no user/],
  'no database': ['postgresql://me@h', /it reads/],
  'two hosts': ['postgresql://me@h,i/shop/x', /it reads/],
  'a name of capitals': ['postgresql://me@h/Shop', /lower-case/],
  'no such port': ['postgresql://me@h:70000/shop', /no port 70000/],
  'a mode that proves nothing': ['postgresql://me@h/shop?sslmode=require', /does not prove/],
  'no authority': ['postgresql://me@h/shop?sslmode=verify-full', /sslrootcert names/],
  'the authorities of the system': [
    'postgresql://me@h/shop?sslmode=verify-full&sslrootcert=system',
    /is a file/,
  ],
  'certificates without a mode': ['postgresql://me@h/shop?sslrootcert=a', /go with sslmode/],
  'certificates in plain text': [`postgresql://me@h/shop?sslmode=disable&sslkey=a`, /go with/],
  'a certificate without its key': [`postgresql://me@h/shop?${full}&sslcert=a`, /together/],
  'a parameter twice': [`postgresql://me@h/shop?${full}&sslmode=disable`, /twice/],
  'another parameter': ['postgresql://me@h/shop?options=-c', /options is none/],
};
for (const [name, [text, why]] of Object.entries(rows)) {
  test(`${name} is refused`, () => {
    const read = readDatabaseUrl(text);
    assert.match(read.kind === 'malformed' ? read.why : '', why);
  });
}
