/** The public listener over TLS: real clients by HTTP/1.1 and HTTP/2, certificates that change. */
// test: light
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type SecureVersion } from 'node:tls';
import { promisify } from 'node:util';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  publicPort,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';
import {
  messageOf,
  openWebSocket,
  startWebSocketUpstream,
} from '../../../helpers/edge/web-socket.ts';

let folder: string;
let host: string;
let near: TestGateway;
let far: TestGateway;
let upstream: HttpUpstream;
let answer: RequestListener = (_, reply) => void reply.end('ok');

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-tls-'));
  const [address = '', farAddress = ''] = loopbackAddresses(2);
  host = address;
  const files = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(files, [`IP:${address}`, 'DNS:gateway.test']);
  await copyFile(files.certPath, join(folder, 'ca.pem'));
  upstream = await startHttpUpstream((request, reply) => answer(request, reply));
  const groups = {
    default: { targets: [{ url: upstream.origin }], activeCheck: { kind: 'none' } },
  };
  const config = {
    groups,
    routes: [{ id: 'default', group: 'default', securityHeaders: true }],
    tls: { ...files, regionsCaPath: join(folder, 'ca.pem'), regionsName: 'gateway.test' },
    regions: { probe: { intervalMs: 200 } },
    residency: [{ tenants: ['overseas'], regions: ['us-east'] }],
    tenant: { header: 'x-tenant' },
    trustedProxies: ['127.0.0.1'],
  };
  const cluster = testCluster({ 'eu-west': address, 'us-east': farAddress });
  const secrets = testSecrets('eu-west');
  near = await startTestGateway({ cluster, region: 'eu-west', secrets, config });
  const farSecrets = testSecrets('us-east', secrets.shared);
  far = await startTestGateway({ cluster, region: 'us-east', secrets: farSecrets, config });
});

after(async () => {
  await Promise.all([near.stop(), far.stop()]);
  await upstream.close();
  await rm(folder, { recursive: true });
});

/** What curl prints, with the first certificate as its only authority. */
async function curl(...args: string[]): Promise<string> {
  const trust = ['--cacert', join(folder, 'ca.pem'), '--resolve', `gateway.test:7080:${host}`];
  const all = ['-sS', '--max-time', '60', ...trust, ...args];
  return (await promisify(execFile)('curl', all, { maxBuffer: 50_000_000 })).stdout;
}

const url = 'https://gateway.test:7080';

async function session(): Promise<ClientHttp2Session> {
  const ca = await readFile(join(folder, 'ca.pem'));
  const made = http2.connect(near.origin, { ca, servername: 'gateway.test' });
  made.on('error', () => undefined);
  await once(made, 'connect');
  return made;
}

async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

test('curl is served by HTTP/1.1 and by HTTP/2, and told to stay with TLS', async () => {
  answer = (request, reply) => {
    const { host: name, connection, 'x-forwarded-proto': scheme } = request.headers;
    reply.setHeader('keep-alive', 'timeout=1');
    reply.end(`${name ?? ''} ${connection ?? ''} ${String(scheme)} ${request.url ?? ''}`);
  };
  for (const version of ['1.1', '2']) {
    const said = await curl('-i', `--http${version}`, `${url}/a?b=c`);
    assert.match(said, new RegExp(`^HTTP/${version} 200`));
    assert.match(said, /gateway\.test:7080 keep-alive https \/a\?b=c$/);
    assert.match(said, /strict-transport-security: max-age=31536000/);
    assert.match(said, /x-content-type-options: nosniff/);
  }
  assert.match(await curl('--http2', `${url}/health/ready`), /"status":"ready"/);
  assert.match(await curl('--http2', '-d', '{', `${url}/nothing`), /^gateway/);
});

test('old protocol versions are refused', async () => {
  const versionOf = async (maxVersion: SecureVersion): Promise<string> => {
    const minVersion = 'TLSv1';
    const options = { minVersion, maxVersion, rejectUnauthorized: false } as const;
    const weak = { ...options, ciphers: 'DEFAULT@SECLEVEL=0' };
    const socket = connect({ host, port: publicPort, ...weak });
    try {
      await once(socket, 'secureConnect');
      return socket.getProtocol() ?? '';
    } catch {
      return 'refused';
    } finally {
      socket.destroy();
    }
  };
  assert.equal(await versionOf('TLSv1.1'), 'refused');
  assert.equal(await versionOf('TLSv1.2'), 'TLSv1.2');
  assert.equal(await versionOf('TLSv1.3'), 'TLSv1.3');
});

test('hundreds of streams of one connection, with bodies of unknown length', async () => {
  answer = (request, reply) => void request.pipe(reply);
  const client = await session();
  const one = async (index: number): Promise<void> => {
    const stream = client.request({ ':method': 'POST', ':path': `/${String(index)}` });
    const body = randomBytes(1000 + index);
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    assert.equal(Number(headers[':status']), 200);
    assert.ok((await bodyOf(stream)).equals(body));
  };
  await Promise.all(Array.from({ length: 400 }, (_, index) => one(index)));
  client.close();
});

test('a large body both ways, unchanged', async () => {
  answer = (request, reply) => void request.pipe(reply);
  const body = randomBytes(20_000_000);
  await writeFile(join(folder, 'body'), body);
  const got = await curl(
    '--http2',
    '-T',
    join(folder, 'body'),
    `${url}/up`,
    '-o',
    join(folder, 'x'),
  );
  assert.equal(got, '');
  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  assert.equal(digest(await readFile(join(folder, 'x'))), digest(body));
});

test('cookies in pieces become one; repeated headers, trailers and hints pass', async () => {
  let cookies: string[] = [];
  answer = (request, reply) => {
    cookies = request.headersDistinct['cookie'] ?? [];
    reply.writeEarlyHints({ link: '</a.css>; rel=preload' });
    reply.writeHead(200, { trailer: 'x-sum', 'set-cookie': ['a=1', 'b=2'], connection: 'x-gone' });
    reply.write('data');
    reply.addTrailers({ 'x-sum': '42' });
    reply.end();
  };
  const client = await session();
  const stream = client.request({ ':path': '/', cookie: ['a=1', 'b=2'] });
  const hints: unknown[] = [];
  const trailers: unknown[] = [];
  stream.on('headers', (headers) => hints.push(headers['link']));
  stream.on('trailers', (headers) => trailers.push(headers['x-sum']));
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  await bodyOf(stream);
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(headers['connection'], undefined);
  assert.deepEqual([cookies, hints, trailers], [['a=1; b=2'], ['</a.css>; rel=preload'], ['42']]);
  client.close();
});

test('a stream given up cancels the upstream; one that breaks off ends in an error', async () => {
  const client = await session();
  const closed = new Promise<void>((resolve) => {
    answer = (_, reply) => {
      reply.write('first');
      reply.on('close', resolve);
    };
  });
  const given = client.request({ ':path': '/' });
  await once(given, 'data');
  given.close(http2.constants.NGHTTP2_CANCEL);
  await closed;
  answer = (_, reply) => {
    reply.write('half');
    setTimeout(() => reply.destroy(), 20);
  };
  const broken = client.request({ ':path': '/' });
  await assert.rejects(bodyOf(broken), /NGHTTP2_INTERNAL_ERROR/);
  answer = (_, reply) => void reply.end('still there');
  assert.equal((await bodyOf(client.request({ ':path': '/' }))).toString(), 'still there');
  client.close();
});

test('a stream that is not read holds the upstream back, its neighbours go on', async () => {
  let written = 0;
  answer = (request, reply) => {
    if (request.url !== '/big') return void reply.end('small');
    const write = (): void => {
      while (written < 200_000_000) {
        written += 65_536;
        if (!reply.write(Buffer.alloc(65_536))) return void reply.once('drain', write);
      }
    };
    write();
  };
  const client = await session();
  const big = client.request({ ':path': '/big' });
  big.on('error', () => undefined);
  await once(big, 'response');
  let before_ = -1;
  await eventually(
    () => {
      const isStill = written === before_;
      before_ = written;
      return isStill;
    },
    { intervalMs: 200 },
  );
  assert.ok(written < 50_000_000, String(written));
  assert.equal((await bodyOf(client.request({ ':path': '/small' }))).toString(), 'small');
  client.destroy();
});

test('what HTTP/1.1 could not carry is refused, not passed on', async () => {
  let reached = '';
  answer = (request, reply) => {
    reached += request.url ?? '';
    reply.end();
  };
  const client = await session();
  for (const path of ['/a b', '/a HTTP/1.1', 'a', '/sound']) {
    const stream = client.request({ ':path': path });
    await bodyOf(stream).catch(() => undefined);
  }
  const unequal = client.request({ ':path': '/', ':method': 'POST', 'content-length': 10 });
  unequal.end('abc');
  await assert.rejects(bodyOf(unequal));
  assert.equal(reached, '/sound');
  client.destroy();
});

test('a WebSocket over TLS, beside HTTP/2', async () => {
  const echo = await startWebSocketUpstream();
  const plain = upstream.server;
  plain.on('upgrade', (...all) => void echo.server.emit('upgrade', ...all));
  const ca = await readFile(join(folder, 'ca.pem'));
  const socket = await openWebSocket(near.origin, { ca, servername: 'gateway.test' });
  socket.send('over TLS');
  assert.equal(await messageOf(socket), 'over TLS');
  assert.equal(echo.last?.request.headers['x-forwarded-proto'], 'https');
  socket.terminate();
  plain.removeAllListeners('upgrade');
  await echo.close();
});

test('requests for another region go there over TLS, its certificate verified', async () => {
  answer = (request, reply) => void reply.end(request.headers['meridian-region']);
  const asked = ['-H', 'x-tenant: overseas', '--interface', '127.0.0.1'];
  await eventually(async () => (await curl(...asked, url)) === 'us-east');
});

test('a new certificate is used at once, a broken one never; connections stay', async () => {
  answer = (_, reply) => void reply.end('ok');
  const serial = async (): Promise<string> => {
    const socket = connect({ host, port: publicPort, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const client = await session();
  const first = await serial();
  const next = { certPath: join(folder, 'next.pem'), keyPath: join(folder, 'next.key') };
  await makeCertificate(next, ['DNS:gateway.test']);
  await copyFile(next.certPath, join(folder, 'cert.pem'));
  const look = performance.now();
  while (performance.now() - look < 1200) {
    assert.equal(await serial(), first, 'a certificate without its key is not used');
  }
  await copyFile(next.keyPath, join(folder, 'key.pem'));
  await eventually(async () => (await serial()) !== first);
  assert.equal((await bodyOf(client.request({ ':path': '/' }))).toString(), 'ok');
  client.close();
});
