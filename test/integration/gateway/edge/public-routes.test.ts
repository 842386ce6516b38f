/** Routes that share the public listener with the gateway, by both versions of HTTP. */
// test: light
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { z } from 'zod';
import { PublicListener } from '../../../../services/gateway/io/listener/public-listener.ts';
import { closeServers, createServer } from '../../../../shared/http/server.ts';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { gatewayConfig } from '../../../helpers/gateway.ts';

const bodySchema = z.object({ sql: z.string() });
let folder: string;
let server: FastifyInstance;
let url: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-routes-'));
  const tls = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(tls, ['IP:127.0.0.1']);
  const config = gatewayConfig({ tls });
  const logger = pino({ level: 'silent' });
  const listener = new PublicListener({ config: () => config, isTrusted: () => false, logger });
  server = createServer({
    logger,
    bodyBytesMax: 1000,
    requestTimeoutMs: 500,
    serverFactory: (handler) => listener.createServer(handler),
  });
  server.post('/v1/query', { schema: { body: bodySchema } }, async ({ body }) => ({
    got: bodySchema.parse(body).sql,
  }));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  url = `https://127.0.0.1:${String(port)}/v1/query`;
});

after(async () => {
  await closeServers([server]);
  await rm(folder, { recursive: true });
});

const json = ['-H', 'content-type: application/json'];

for (const [flag, shown] of Object.entries({ '--http1.1': 'HTTP/1.1', '--http2': 'HTTP/2' })) {
  const curl = async (body: string): Promise<string> =>
    (await promisify(execFile)('curl', ['-sSki', flag, ...json, '-d', body, url])).stdout;

  test(`${shown}: answers, and problems for what is wrong`, async () => {
    assert.ok((await curl('{"sql": "a"}')).startsWith(`${shown} 200`));
    assert.match(await curl('{"sql": 1}'), / 400 [^]*"code":"RequestInvalid"/);
    assert.match(await curl(`{"sql": "${'a'.repeat(2000)}"}`), / 413 [^]*"code":"RequestInvalid"/);
  });

  test(`${shown}: a body that does not come ends`, async () => {
    const child = spawn('curl', [
      '-sk',
      '--max-time',
      '8',
      flag,
      ...json,
      '-X',
      'POST',
      '-T',
      '-',
      url,
    ]);
    child.stdin.on('error', () => undefined);
    child.stdin.write('{"sql');
    const timer = setInterval(() => child.stdin.write(' '), 100);
    const startedMs = performance.now();
    const [code] = (await once(child, 'exit')) as [number];
    clearInterval(timer);
    assert.ok(performance.now() - startedMs < 6000);
    assert.notEqual(code, 0);
    assert.notEqual(code, 28, 'curl had to give up');
  });
}
