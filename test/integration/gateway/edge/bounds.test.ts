/** Slow, idle and very many clients: what each may cost, and that the others do not notice. */
// test: light deadline 120 s
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import http, { type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { request } from 'undici';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { geoTableBytes } from '../../../helpers/bench/geo-tables.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../../../helpers/gateway-process.ts';
import {
  loopbackAddresses,
  publicPort,
  testCluster,
  testSecrets,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

const isLong = process.env['MERIDIAN_TEST_LONG'] === '1';
const idleConnections = isLong ? 10_000 : 1000;
const openStreams = 500;
const memoryMax = 150_000_000;

let folder: string;
let plain: GatewayProcess;
let secure: GatewayProcess;
let upstream: HttpUpstream;
const hosts: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-bounds-'));
  upstream = await startHttpUpstream((request_, reply) => {
    request_.on('error', () => undefined);
    if (request_.url === '/events') {
      reply.writeHead(200, { 'content-type': 'text/event-stream' });
      reply.write('data: 1\n\n');
      return;
    }
    request_.resume().on('end', () => reply.end('ok'));
  });
  const files = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(files, ['DNS:gateway.test']);
  const start = (address: string, more: object): Promise<GatewayProcess> =>
    startGatewayProcess({
      cluster: testCluster({ 'eu-west': address }),
      region: 'eu-west',
      secrets: testSecrets('eu-west'),
      config: {
        groups: {
          default: {
            targets: [{ url: upstream.origin }],
            activeCheck: { kind: 'none' },
            connectionsMax: 1000,
          },
        },
        routes: [{ id: 'default', group: 'default', timeouts: { idleMs: 60_000 } }],
        ...more,
      },
    });
  hosts.push(...loopbackAddresses(2));
  plain = await start(hosts[0] ?? '', {});
  const routes = [{ id: 'default', group: 'default', timeouts: { idleMs: 500 } }];
  secure = await start(hosts[1] ?? '', { headMs: 1000, tls: files, routes });
});

after(async () => {
  await Promise.all([plain.kill(), secure.kill()]);
  await upstream.close();
  await rm(folder, { recursive: true });
});

interface Slow {
  readonly socket: Socket;
  said: string;
  endedMs: number | null;
}

/** Says `first`, then one letter at a time, for as long as it is let. */
function trickle(socket: Socket, first: string): Slow {
  const slow: Slow = { socket, said: '', endedMs: null };
  const startedMs = performance.now();
  socket.write(first);
  const timer = setInterval(() => socket.write('a'), 100);
  socket.on('data', (data: Buffer) => (slow.said += data.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(timer);
    slow.endedMs = performance.now() - startedMs;
  });
  return slow;
}

function secureSocket(): Socket {
  const host = hosts[1] ?? '';
  return connectTls({ host, port: publicPort, rejectUnauthorized: false });
}

async function fromSecure(): Promise<string> {
  const { hostname } = new URL(secure.origin);
  const options = { host: hostname, port: publicPort, rejectUnauthorized: false };
  const client = http.get({ createConnection: () => connectTls(options), headers: { host: 'x' } });
  const [reply] = (await once(client, 'response')) as [IncomingMessage];
  return Buffer.concat((await reply.toArray()) as Buffer[]).toString();
}

test('heads that trickle in are cut off while others are served', async () => {
  const all = Array.from({ length: 100 }, () =>
    trickle(secureSocket(), 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: '),
  );
  assert.equal(await fromSecure(), 'ok');
  await eventually(() => all.every(({ endedMs }) => endedMs !== null), { deadlineMs: 30_000 });
  for (const { said, endedMs } of all) {
    assert.match(said, /^HTTP\/1\.1 408 |^$/);
    assert.ok((endedMs ?? 0) > 800);
  }
});

test('a connection that says nothing at all is cut off too', async () => {
  const socket = secureSocket();
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  await once(socket.resume(), 'close', { signal: AbortSignal.timeout(10_000) });
});

test('so is one of HTTP/2 whose first request does not come', async () => {
  const session = http2.connect(secure.origin.replace('http:', 'https:'), {
    rejectUnauthorized: false,
  });
  session.on('error', () => undefined);
  await once(session, 'connect');
  await once(session, 'close', { signal: AbortSignal.timeout(10_000) });
});

test('a body that stops coming ends with 408; one that is slow does not', async () => {
  const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n';
  const stopped = secureSocket();
  stopped.write(`${head}abc`);
  const [said] = (await once(stopped, 'data')) as [Buffer];
  assert.match(said.toString(), /^HTTP\/1\.1 408 [^]*connection: close/i);
  stopped.destroy();
  const slow = trickle(secureSocket(), head);
  await eventually(() => slow.said.startsWith('HTTP/1.1 200'));
  slow.socket.destroy();
});

test(`with ${String(openStreams)} open streams it has 150 MB, geo tables apart`, async () => {
  const { rss } = await plain.memory();
  const agent = new http.Agent({ keepAlive: false });
  const streams: IncomingMessage[] = [];
  const open = async (): Promise<void> => {
    const client = http.get(`${plain.origin}/events`, { agent });
    client.on('error', () => undefined);
    const [reply] = (await once(client, 'response')) as [IncomingMessage];
    reply.on('error', () => undefined);
    streams.push(reply);
    await once(reply, 'data');
  };
  for (let i = 0; i < openStreams; i += 50) await Promise.all(Array.from({ length: 50 }, open));
  assert.equal(await plain.metric('meridian_gateway_in_flight_requests'), openStreams);
  const all = (await plain.memory()).rss;
  const own = all - geoTableBytes();
  const parts = `${megabytes(all - rss)} more, ${megabytes(own)} without geo tables`;
  console.log(`${String(openStreams)} open streams: ${parts}, ${megabytes(all)} in all`);
  assert.ok(own <= memoryMax, megabytes(own));
  for (const stream of streams) stream.destroy();
  await eventually(async () => (await plain.metric('meridian_gateway_in_flight_requests')) === 0);
});

test(`${String(idleConnections)} idle connections cost little and disturb nobody`, async () => {
  const { rss } = await plain.memory();
  const sockets: Socket[] = [];
  const host = hosts[0] ?? '';
  const open = async (): Promise<void> => {
    const socket = connect(publicPort, host);
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 200 /);
  };
  for (let i = 0; i < idleConnections; i += 100)
    await Promise.all(Array.from({ length: 100 }, open));
  const started = performance.now();
  const { statusCode, body } = await request(plain.origin);
  await body.dump();
  assert.equal(statusCode, 200);
  const tookMs = performance.now() - started;
  const grown = (await plain.memory()).rss - rss;
  const each = Math.round(grown / idleConnections / 1024);
  console.log(
    `${String(idleConnections)} idle connections: ${megabytes(grown)} more, ` +
      `${String(each)} KB each; a request beside them ${tookMs.toFixed(1)} ms`,
  );
  assert.ok(grown < 50_000_000 + idleConnections * 40_000, megabytes(grown));
  assert.ok(sockets.every(({ destroyed }) => !destroyed));
  for (const socket of sockets) socket.destroy();
});

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
