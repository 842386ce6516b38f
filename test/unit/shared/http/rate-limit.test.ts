import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitRate } from '../../../../shared/http/rate-limit.ts';
import { createServer } from '../../../../shared/http/server.ts';
import { createLogger } from '../../../../shared/logging/logger.ts';

test('one address beyond its bound is answered RateLimited, with the time to wait', async () => {
  const logger = createLogger({ service: 'test', region: 'none', level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 100, requestTimeoutMs: 1000 });
  await limitRate(server, 2);
  server.get('/x', () => ({ ok: true }));
  const statuses = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await server.inject('/x')).statusCode);
  assert.deepEqual(statuses, [200, 200, 429]);
  const refused = await server.inject('/x');
  assert.equal(refused.json<{ code: string }>().code, 'RateLimited');
  assert.ok(Number(refused.headers['retry-after']) > 0);
  const other = await server.inject({ url: '/x', remoteAddress: '127.0.0.9' });
  assert.equal(other.statusCode, 200);
});
