/** The PROXY protocol: real HAProxy in front of the gateway, and headers written by hand. */
// test: light
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
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

let folder: string;
let upstream: HttpUpstream;
let plain: TestGateway;
let secure: TestGateway;
let proxy: string;
let stranger: string;
const hosts: { plain: string; secure: string } = { plain: '', secure: '' };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-proxy-'));
  const [one = '', two = '', three = '', four = ''] = loopbackAddresses(4);
  Object.assign(hosts, { plain: one, secure: two });
  proxy = three;
  stranger = four;
  upstream = await startHttpUpstream((request, reply) => {
    const { 'x-forwarded-for': client, 'x-forwarded-proto': scheme } = request.headers;
    reply.end(`${String(client)} ${String(scheme)} ${request.url ?? ''}`);
  });
  const config = {
    groups: { default: { targets: [{ url: upstream.origin }], activeCheck: { kind: 'none' } } },
    trustedProxies: [proxy],
    proxyProtocol: true,
  };
  const files = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(files, ['DNS:gateway.test']);
  const start = (address: string, more: object): Promise<TestGateway> =>
    startTestGateway({
      cluster: testCluster({ 'eu-west': address }),
      region: 'eu-west',
      secrets: testSecrets('eu-west'),
      config: { ...config, ...more },
    });
  plain = await start(one, {});
  secure = await start(two, { tls: files });
});

after(async () => {
  await Promise.all([plain.stop(), secure.stop()]);
  await upstream.close();
  await rm(folder, { recursive: true });
});

/** What the gateway says to these bytes from `localAddress`, until it or we end. */
async function say(localAddress: string, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect({ host: hosts.plain, port: publicPort, localAddress });
  socket.setNoDelay(true);
  let said = '';
  socket.on('data', (data: Buffer) => (said += data.toString()));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(8000) });
  // One packet each, as far as the kernel plays along.
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve));
  await closed;
  return said;
}

function binary(family: number, addresses: readonly number[], command = 1): Buffer {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  const rest = [0x20 + command, family, addresses.length >> 8, addresses.length & 0xff];
  return Buffer.concat([signature, Buffer.from([...rest, ...addresses])]);
}

const get = 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const ports = [0x30, 0x39, 0, 80];
const v6 = [0x20, 0x01, 0x0d, 0xb8, ...Array.from({ length: 11 }, () => 0), 7];

const served: readonly [string, readonly (string | Buffer)[], string][] = [
  ['version 1', [`PROXY TCP4 203.0.113.7 192.0.2.1 4000 80\r\n${get}`], '203.0.113.7'],
  [
    'version 1, in pieces',
    ['PROXY TCP4 203.0', '.113.7 192.0.2.1 4000 80\r', `\nGET /x HTTP/1.1\r\n`, get.slice(17)],
    '203.0.113.7',
  ],
  ['version 1, IPv6', [`PROXY TCP6 2001:DB8::7 2001:db8::1 4000 80\r\n${get}`], '2001:db8::7'],
  [
    'version 2',
    [Buffer.concat([binary(0x11, [203, 0, 113, 7, 192, 0, 2, 1, ...ports]), Buffer.from(get)])],
    '203.0.113.7',
  ],
  ['version 2, IPv6', [binary(0x21, [...v6, ...v6, ...ports]), get], '2001:db8:0:0:0:0:0:7'],
  [
    'version 2 with extensions',
    [binary(0x11, [203, 0, 113, 7, 192, 0, 2, 1, ...ports, 4, 0, 2, 9, 9]), get],
    '203.0.113.7',
  ],
];

for (const [name, parts, client] of served) {
  test(`${name} tells who the client is`, async () => {
    const said = await say(proxy, ...parts);
    assert.match(said, /^HTTP\/1\.1 200 /);
    assert.ok(said.endsWith(`${client} http /x`), said.slice(-80));
  });
}

test('a proxy that speaks for itself is the client', async () => {
  for (const header of ['PROXY UNKNOWN\r\n', binary(0, [], 0)]) {
    assert.ok((await say(proxy, header, get)).endsWith(`${proxy} http /x`));
  }
});

test('a client behind a proxy cannot add to what the proxy says', async () => {
  const forged = get.replace('host: a', 'host: a\r\nx-forwarded-for: 198.51.100.1');
  const said = await say(proxy, `PROXY TCP4 203.0.113.7 192.0.2.1 4000 80\r\n${forged}`);
  assert.ok(said.endsWith('203.0.113.7 http /x'), said.slice(-80));
});

test('a trusted proxy without a sound header is cut off', async () => {
  const broken = [
    get,
    `PROXY TCP4 300.0.113.7 192.0.2.1 4000 80\r\n${get}`,
    `PROXY TCP6 ::: 2001:db8::1 4000 80\r\n${get}`,
    `PROXY TCP4 203.0.113.7 192.0.2.1 4000 80${' '.repeat(100)}\r\n${get}`,
    binary(0x11, [1, 2, 3]),
  ];
  for (const bytes of broken) assert.equal(await say(proxy, bytes), '');
  const startedMs = performance.now();
  assert.equal(await say(proxy, 'PROXY TCP4 203'), '', 'one that does not come');
  assert.ok(performance.now() - startedMs > 4000);
});

test('everybody else is served as usual, and a header of theirs is no HTTP', async () => {
  assert.ok((await say(stranger, get)).endsWith(`${stranger} http /x`));
  const said = await say(stranger, `PROXY TCP4 203.0.113.7 192.0.2.1 4000 80\r\n${get}`);
  assert.match(said, /^HTTP\/1\.1 400 /);
  assert.doesNotMatch(said, /203\.0\.113\.7/);
});

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test(
  'HAProxy with either version, in front of plain and TLS listeners',
  { skip: isInstalled('haproxy') ? false : 'HAProxy is not installed' },
  async () => {
    const rows = [
      { port: 8081, to: hosts.plain, option: 'send-proxy' },
      { port: 8082, to: hosts.plain, option: 'send-proxy-v2' },
      { port: 8083, to: hosts.secure, option: 'send-proxy' },
      { port: 8084, to: hosts.secure, option: 'send-proxy-v2' },
    ];
    const sections = rows.map(
      ({ port, to, option }) =>
        `listen l${String(port)}\n  bind ${proxy}:${String(port)}\n` +
        `  server s ${to}:${String(publicPort)} source ${proxy} ${option}\n`,
    );
    const times = 'timeout connect 2s\n  timeout client 9s\n  timeout server 9s';
    const path = join(folder, 'haproxy.cfg');
    await writeFile(path, `defaults\n  mode tcp\n  ${times}\n${sections.join('')}`);
    const child: ChildProcess = spawn('haproxy', ['-f', path, '-db'], { stdio: 'ignore' });
    const gone = once(child, 'exit');
    const curl = async (...args: string[]): Promise<string> => {
      const from = ['--interface', stranger, '-sSk', '--max-time', '5'];
      const run = promisify(execFile)('curl', [...from, ...args]);
      return run.then(
        ({ stdout }) => stdout,
        () => '',
      );
    };
    try {
      await eventually(() => curl(`http://${proxy}:8081/`));
      for (const { port, to } of rows) {
        const scheme = to === hosts.secure ? 'https' : 'http';
        for (const version of scheme === 'https' ? ['--http1.1', '--http2'] : ['--http1.1']) {
          const url = `${scheme}://${proxy}:${String(port)}`;
          const said = await curl(version, `${url}/a`, `${url}/b`);
          assert.equal(said, `${stranger} ${scheme} /a${stranger} ${scheme} /b`, url);
        }
      }
    } finally {
      child.kill('SIGTERM');
      await gone;
    }
  },
);
