import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  corsHeaders,
  isOriginAllowed,
  preflightHeaders,
} from '../../../../../services/gateway/core/cors.ts';

const policy = {
  origins: ['https://a.example', 'https://*.b.example'],
  methods: ['GET', 'POST'],
  headers: ['content-type'],
  exposed: ['meridian-position'],
  credentials: false,
  maxAgeSeconds: 60,
};

const rows: readonly [string, boolean][] = [
  ['https://a.example', true],
  ['http://a.example', false],
  ['https://x.b.example', true],
  ['https://b.example', false],
  ['https://x.y.b.example', false],
  ['https://evil.example/.b.example', false],
];

for (const [origin, want] of rows) {
  test(`${origin} is ${want ? '' : 'not '}let in`, () => {
    assert.equal(isOriginAllowed(policy, origin), want);
  });
}

test('a stranger gets nothing but Vary', () => {
  assert.deepEqual(corsHeaders(policy, 'https://c.example'), ['vary', 'origin']);
  assert.deepEqual(preflightHeaders(policy, 'https://c.example'), ['vary', 'origin']);
});

test('a preflight request learns methods, headers and how long', () => {
  const headers = preflightHeaders(policy, 'https://a.example').join('|');
  assert.match(headers, /access-control-allow-origin\|https:\/\/a.example/);
  assert.match(headers, /access-control-allow-methods\|GET, POST/);
  assert.match(headers, /access-control-max-age\|60/);
});

test('anybody, but never with credentials', () => {
  const any = { ...policy, origins: ['*'] };
  assert.equal(corsHeaders(any, 'https://c.example')[1], '*');
  const withCredentials = corsHeaders({ ...any, credentials: true }, 'https://c.example');
  assert.equal(withCredentials[1], 'https://c.example');
});
