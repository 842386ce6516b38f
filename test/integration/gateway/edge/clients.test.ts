/** Clients that other people wrote: autocannon; a browser, nghttp, h2load where installed. */
// test: light
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';
import {
  startWebSocketUpstream,
  type WebSocketUpstream,
} from '../../../helpers/edge/web-socket.ts';

let folder: string;
let gateway: TestGateway;
let upstream: HttpUpstream;
let echo: WebSocketUpstream;
let onReport: (report: unknown) => void = () => undefined;

/** What the browser does once the page is there; its findings come back by POST. */
const page = `<!doctype html><title>edge</title><script>
const text = async (path, options) => (await fetch(path, options)).text();
const events = () => new Promise((resolve) => {
  const source = new EventSource('/events');
  const seen = [];
  source.onmessage = ({ data, lastEventId }) => {
    seen.push(data + '@' + lastEventId);
    if (seen.length === 4) { source.close(); resolve(seen); }
  };
});
const socket = () => new Promise((resolve) => {
  const made = new WebSocket('wss://' + location.host + '/socket', ['chat.v1']);
  made.onopen = () => made.send('x'.repeat(100000));
  made.onmessage = ({ data }) => made.close(4000, String(data.length));
  made.onclose = ({ code, reason, wasClean }) => resolve([made.protocol, code, reason, wasClean]);
});
const cancelled = async () => {
  const stop = new AbortController();
  const reply = await fetch('/endless', { signal: stop.signal });
  await reply.body.getReader().read();
  stop.abort();
  for (;;) {
    const count = await text('/cancelled');
    if (count !== '0') return count;
  }
};
const many = async () => {
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => text('/echo', {
    method: 'POST', body: String(i),
  })));
  return all.every((said, i) => said === String(i));
};
onload = async () => {
  const report = {
    protocol: performance.getEntriesByType('navigation')[0].nextHopProtocol,
    zipped: await text('/zipped'),
    upload: (await text('/echo', { method: 'POST', body: new Uint8Array(3000000) })).length,
    download: (await (await fetch('/large')).arrayBuffer()).byteLength,
    redirected: await text('/moved'),
    missing: (await fetch('/missing')).status,
    cookie: await text('/cookie').then(() => text('/cookie')),
    many: await many(),
    events: await events(),
    socket: await socket(),
    cancelled: await cancelled(),
  };
  await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
};
</script>`;

let cancellations = 0;
const answers: Readonly<Record<string, RequestListener>> = {
  '/page': (_, reply) => void reply.setHeader('content-type', 'text/html').end(page),
  '/zipped': (_, reply) => {
    // "zipped" as gzip.
    const bytes = 'H4sIAAAAAAACA6vKLChITQEAV2jC4gYAAAA=';
    reply.setHeader('content-encoding', 'gzip').end(Buffer.from(bytes, 'base64'));
  },
  '/echo': (request, reply) => void request.pipe(reply),
  '/large': (_, reply) => void reply.end(Buffer.alloc(10_000_000)),
  '/moved': (_, reply) => void reply.writeHead(302, { location: '/there' }).end(),
  '/there': (_, reply) => void reply.end('there'),
  '/cookie': (request, reply) => {
    reply.setHeader('set-cookie', ['one=1; Path=/', 'two=2; Path=/']);
    reply.end(request.headers.cookie ?? '');
  },
  // Ends after two events: the browser comes back by itself and says what it has seen.
  '/events': (request, reply) => {
    const from = Number(request.headers['last-event-id'] ?? 0);
    reply.setHeader('content-type', 'text/event-stream');
    reply.write('retry: 10\n\n');
    for (const id of [from + 1, from + 2]) {
      reply.write(`id: ${String(id)}\ndata: event ${String(id)}\n\n`);
    }
    reply.end();
  },
  '/endless': (_, reply) => {
    const timer = setInterval(() => reply.write('more'), 20);
    reply.on('close', () => {
      clearInterval(timer);
      cancellations += 1;
    });
  },
  '/cancelled': (_, reply) => void reply.end(String(cancellations)),
  '/report': (request, reply) => void takeReport(request).then(() => reply.end()),
};

async function takeReport(request: IncomingMessage): Promise<void> {
  const chunks = (await request.toArray()) as Buffer[];
  onReport(JSON.parse(Buffer.concat(chunks).toString()));
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-clients-'));
  const [address = ''] = loopbackAddresses(1);
  upstream = await startHttpUpstream((request, reply) => {
    const answer = answers[request.url ?? ''];
    if (answer === undefined) reply.writeHead(404).end();
    else answer(request, reply);
  });
  echo = await startWebSocketUpstream();
  const files = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(files, [`IP:${address}`]);
  const group = (url: string): object => ({ targets: [{ url }], activeCheck: { kind: 'none' } });
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: { default: group(upstream.origin), socket: group(echo.origin) },
      routes: [
        { id: 'socket', group: 'socket', match: { path: '/socket' } },
        { id: 'default', group: 'default' },
      ],
      tls: files,
    },
  });
});

after(async () => {
  await gateway.stop();
  await Promise.all([upstream.close(), echo.close()]);
  await rm(folder, { recursive: true, maxRetries: 5 });
});

/** The first of these programs that is there; else why the test is left out. */
function installed(...names: readonly string[]): { program: string; skip: string | false } {
  for (const program of names) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return { program, skip: false };
    } catch {
      // The next one.
    }
  }
  return { program: '', skip: `${names.join(', ')}: not installed` };
}

const browser = installed('chromium-headless-shell', 'chromium', 'google-chrome');

test('a browser: HTTP/2, streams, events, WebSocket', { skip: browser.skip }, async () => {
  const reported = new Promise((resolve) => (onReport = resolve));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'];
  const own = [`--user-data-dir=${join(folder, 'profile')}`, '--remote-debugging-port=0'];
  const url = `${gateway.origin}/page`;
  const options = { stdio: 'ignore', detached: true } as const;
  const child = spawn(browser.program, [...flags, ...own, url], options);
  const gone = once(child, 'exit');
  const early = gone.then(() => Promise.reject(new Error('the browser has ended')));
  try {
    assert.deepEqual(await Promise.race([reported, early]), {
      protocol: 'h2',
      zipped: 'zipped',
      upload: 3_000_000,
      download: 10_000_000,
      redirected: 'there',
      missing: 404,
      cookie: 'one=1; two=2',
      many: true,
      events: ['event 1@1', 'event 2@2', 'event 3@3', 'event 4@4'],
      socket: ['chat.v1', 4000, '100000', true],
      cancelled: '1',
    });
  } finally {
    early.catch(() => undefined);
    // It is a script that starts the browser, which starts processes of its own.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await gone;
  }
});

const nghttp = installed('nghttp');

test('nghttp reads the frames of a reply', { skip: nghttp.skip }, async () => {
  const run = promisify(execFile)('nghttp', ['-nv', '--no-verify-peer', `${gateway.origin}/large`]);
  const { stdout } = await run;
  assert.match(stdout, /The negotiated protocol: h2/);
  assert.match(stdout, /:status: 200/);
  assert.doesNotMatch(stdout, /RST_STREAM|error_code=(?!NO_ERROR)/);
});

const h2load = installed('h2load');

test('h2load: every request is answered, by both versions', { skip: h2load.skip }, async () => {
  for (const options of [['-m', '20'], ['--h1']]) {
    const all = ['-n', '1000', '-c', '10', ...options, `${gateway.origin}/there`];
    const { stdout } = await promisify(execFile)('h2load', all);
    assert.match(stdout, /1000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(stdout, /status codes: 1000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  }
});

test('autocannon: every request is answered, four under way on each connection', async () => {
  const program = join(import.meta.dirname, '../../../../node_modules/.bin/autocannon');
  for (const options of [[], ['-p', '4'], ['-m', 'POST', '-b', 'x'.repeat(1000)]]) {
    const path = options.includes('POST') ? '/echo' : '/there';
    const all = ['--json', '-a', '1000', '-c', '10', ...options, `${gateway.origin}${path}`];
    const { stdout } = await promisify(execFile)(program, all);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    const bad = ['non2xx', 'errors', 'timeouts', 'mismatches', 'resets'];
    assert.deepEqual(
      bad.map((name) => result[name]),
      [0, 0, 0, 0, 0],
    );
    // With its last request sent it waits for one reply, and leaves what else is under way.
    assert.equal(result['2xx'], options.includes('-p') ? 1000 - 3 * 10 : 1000);
  }
});
