import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeSchema } from '../../../../../services/gateway/route-config.ts';
import { renderRoutes, renderUpstreams } from '../../../../../services/cli/core/routes-view.ts';

test('routes are shown in order, with their policies in words', () => {
  const routes = [
    {
      ...{ id: 'shop', group: 'shop', match: { hosts: ['a.example'], path: '/shop' } },
      ...{ canary: [{ group: 'next', share: 0.05 }], deny: ['192.0.2.0/24'], sticky: {} },
      auth: { accept: ['jwt'], scopes: ['read'] },
      rateLimit: { perSecond: 10, burst: 20 },
    },
    { id: 'rest', group: 'default', match: { methods: ['GET'] }, crossRegion: 'never' },
  ].map((route) => routeSchema.parse(route));
  const [head, shop, rest] = renderRoutes(routes as never).split('\n');
  assert.match(head ?? '', /^ROUTE +MATCHES +GROUP +OTHER REGIONS +POLICIES$/);
  assert.match(
    shop ?? '',
    /^shop +ANY a\.example\/shop\/\* +shop \+ next 5 % +proxy +auth jwt read/,
  );
  assert.match(shop ?? '', /10\/s per address, burst 20, deny 1 networks, sticky$/);
  assert.match(rest ?? '', /^rest +GET \/\* +default +never +-$/);
});

test('upstreams are shown with their breakers', () => {
  const row = { group: 'shop', weight: 0.3333, inFlight: 2 };
  const upstreams = [
    { ...row, upstream: 'http://10.0.0.1:80', state: 'usable', latencyMs: 12.3 },
    { ...row, upstream: 'http://10.0.0.2:80', state: 'open', latencyMs: null },
  ];
  const breakers = [
    { ...row, upstream: 'http://10.0.0.2:80', state: 'open', opened: 1, failures: 5, successes: 7 },
  ];
  const [, one, two] = renderUpstreams(upstreams, breakers).split('\n');
  assert.match(one ?? '', /^shop +http:\/\/10\.0\.0\.1:80 +usable +0\.33 +2 +12ms +- +- +- +-$/);
  assert.match(two ?? '', /open +0\.33 +2 +- +open +1 +7 +5$/);
});
