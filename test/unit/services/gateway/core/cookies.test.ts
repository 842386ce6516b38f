import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCookie, readCookie } from '../../../../../services/gateway/core/cookies.ts';

const rows = [
  { header: 'a=1; b=2', name: 'b', want: '2' },
  { header: 'aa=1; a=x=y', name: 'a', want: 'x=y' },
  { header: 'A=1', name: 'a', want: undefined },
  { header: '', name: 'a', want: undefined },
  { header: undefined, name: 'a', want: undefined },
];

for (const { header, name, want } of rows) {
  test(`${name} in ${String(header)}`, () => assert.equal(readCookie(header, name), want));
}

test('a cookie is out of reach of scripts', () => {
  const options = { ttlSeconds: 60, secure: true, sameSite: 'Lax' } as const;
  assert.equal(
    formatCookie('s', 'v', options),
    's=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax',
  );
  assert.doesNotMatch(formatCookie('s', 'v', { ...options, secure: false }), /Secure/);
});
