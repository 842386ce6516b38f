import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchRoute, type RoutePattern } from '../../../../../services/gateway/core/route-match.ts';

const any: RoutePattern = { hosts: [], path: '/', methods: [], headers: {} };
const routes = [
  { id: 'canary', match: { ...any, headers: { 'x-canary': 'yes' } } },
  { id: 'api', match: { ...any, path: '/api', methods: ['GET', 'POST'] } },
  { id: 'slash', match: { ...any, path: '/files/' } },
  { id: 'shop', match: { ...any, hosts: ['shop.example', '*.shop.example'] } },
];

const rows = [
  { name: 'the prefix itself', path: '/api', want: 'api' },
  { name: 'below the prefix', path: '/api/x', want: 'api' },
  { name: 'a longer word is not below', path: '/apix', want: null },
  { name: 'another method', path: '/api', method: 'PUT', want: null },
  { name: 'a prefix with a slash', path: '/files/a', want: 'slash' },
  { name: 'without the slash', path: '/files', want: null },
  { name: 'the host, with port and capitals', path: '/', host: 'Shop.Example:8080', want: 'shop' },
  { name: 'below a domain', path: '/', host: 'de.shop.example', want: 'shop' },
  { name: 'not below it', path: '/', host: 'evilshop.example', want: null },
  { name: 'first match wins', path: '/api', headers: { 'x-canary': 'yes' }, want: 'canary' },
];

for (const { name, path, method = 'GET', host = 'a.example', headers = {}, want } of rows) {
  test(name, () => {
    const header = (key: string): string | undefined =>
      (headers as Record<string, string | undefined>)[key];
    assert.equal(matchRoute(routes, { host, path, method, header })?.id ?? null, want);
  });
}
