import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { createServer } from '../../../../shared/http/server.ts';
import { createLogger } from '../../../../shared/logging/logger.ts';
import { fromWireJson, toWireJson } from '../../../../shared/http/wire-json.ts';

const logger = createLogger({ service: 'test', region: 'none', level: 'silent' });
const server = createServer({ logger, bodyBytesMax: 100, requestTimeoutMs: 1000 });
server.get('/known', () => {
  throw new MeridianError('Draining', 'A switchover runs.', { retryAfterMs: 1500, hint: 'Wait.' });
});
server.get('/unexpected', () => {
  throw new Error('secret inside');
});
server.post('/body', () => ({ ok: true }));

test('a typed error becomes problem JSON with its status and Retry-After', async () => {
  const reply = await server.inject('/known');
  assert.equal(reply.statusCode, 503);
  assert.equal(reply.headers['retry-after'], '2');
  assert.match(String(reply.headers['content-type']), /application\/problem\+json/);
  const { code, retry, hint, retryAfterMs, title } = reply.json<Record<string, unknown>>();
  assert.deepEqual(
    { code, retry, hint, retryAfterMs, title },
    { code: 'Draining', retry: 'same', hint: 'Wait.', retryAfterMs: 1500, title: 'Draining' },
  );
});

test('an unexpected error shows nothing of its inside', async () => {
  const reply = await server.inject('/unexpected');
  assert.equal(reply.statusCode, 500);
  assert.doesNotMatch(reply.body, /secret/);
});

test('malformed and oversize bodies are RequestInvalid', async () => {
  const headers = { 'content-type': 'application/json' };
  const rows = { malformed: '{', oversize: JSON.stringify('x'.repeat(200)) };
  for (const payload of Object.values(rows)) {
    const reply = await server.inject({ method: 'POST', url: '/body', headers, payload });
    assert.equal(reply.json<{ code: string }>().code, 'RequestInvalid');
    assert.ok(reply.statusCode === 400 || reply.statusCode === 413);
  }
});

test('bigints survive between processes', () => {
  const value = { lsn: 2n ** 63n, nested: [{ at: 1n }], text: '1' };
  assert.deepEqual(fromWireJson(toWireJson(value)), value);
});
