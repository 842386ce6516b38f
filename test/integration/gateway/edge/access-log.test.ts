/** The access log: one line per request, and no secret of a client in it. */
// test: light
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { eventually } from '../../../helpers/eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../../../helpers/gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

let folder: string;
let upstream: HttpUpstream;
let gateway: GatewayProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-access-log-'));
  upstream = await startHttpUpstream((incoming, reply) => {
    incoming.resume().on('end', () => {
      reply.setHeader('set-cookie', 'session=secret-of-reply');
      reply.end('secret-in-reply');
    });
  });
  const [address = ''] = loopbackAddresses(1);
  gateway = await startGatewayProcess({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: { default: { targets: [{ url: upstream.origin }] } },
      routes: [
        { id: 'shut', group: 'default', match: { path: '/shut' }, auth: { accept: ['meridian'] } },
        { id: 'default', group: 'default' },
      ],
    },
    accessLogPath: join(folder, 'log'),
  });
});

after(async () => {
  await gateway.kill();
  await upstream.close();
  await rm(folder, { recursive: true });
});

test('a line tells of the request, and of none of its secrets', async () => {
  const send = async (path: string): Promise<{ status: number; id: unknown }> => {
    const reply = await request(`${gateway.origin}${path}?token=secret-of-query`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer secret.of.header',
        cookie: 'session=secret-of-cookie',
        'x-api-key': 'secret-of-key',
      },
      body: 'secret-of-body',
    });
    await reply.body.dump();
    return { status: reply.statusCode, id: reply.headers['x-request-id'] };
  };
  const { id, status: first } = await send('/cart');
  assert.deepEqual([first, (await send('/shut')).status], [200, 401]);
  const lines = await eventually(async () => {
    const text = await readFile(join(folder, 'log'), 'utf8');
    const all = text.split('\n').filter((line) => line.includes('"durationMs"'));
    return all.length === 2 ? all : null;
  });
  assert.ok(lines !== null);
  const [passed, refused] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const { reqId, method, path, client, route, status, attempts } = passed ?? {};
  assert.deepEqual(
    { reqId, method, path, route, status, attempts },
    { reqId: id, method: 'POST', path: '/cart', route: 'default', status: 200, attempts: 1 },
  );
  assert.match(String(client), /^127\./);
  assert.deepEqual(
    [refused?.['path'], refused?.['status'], refused?.['error']],
    ['/shut', 401, 'Unauthenticated'],
  );
  assert.doesNotMatch(await readFile(join(folder, 'log'), 'utf8'), /secret/);
});
