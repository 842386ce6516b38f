/**
 * A small HTTP service to put behind a gateway: says who it is and what it received, echoes
 * bodies, streams, waits and fails when asked to. `--host <address> --port <n> --region <id>`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '7090' },
    region: { type: 'string', default: 'nowhere' },
  },
});
const { region } = values;
const delayMsMax = 60_000;

/**
 * `POST /echo` returns the body, `GET /events?count=` server-sent events, `GET /slow?ms=` waits,
 * `ANY /status/<code>` answers so, everything else says where it was served.
 */
function answer(request: IncomingMessage, reply: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://sample');
  if (url.pathname === '/echo') {
    const type = request.headers['content-type'] ?? 'application/octet-stream';
    reply.writeHead(200, { 'content-type': type, 'sample-region': region });
    request.pipe(reply);
    return;
  }
  request.resume();
  const code = /^\/status\/([2-5]\d\d)$/.exec(url.pathname)?.[1];
  if (url.pathname === '/events') {
    sendEvents(reply, Number(url.searchParams.get('count') ?? 5));
  } else if (url.pathname === '/slow') {
    const waitMs = Math.min(delayMsMax, Number(url.searchParams.get('ms') ?? 1000));
    const timer = setTimeout(() => sayWhere(request, reply, 200), waitMs);
    reply.on('close', () => clearTimeout(timer));
  } else {
    sayWhere(request, reply, Number(code ?? 200));
  }
}

function sayWhere(request: IncomingMessage, reply: ServerResponse, status: number): void {
  const { method, url, headers } = request;
  const body = JSON.stringify({
    service: 'sample',
    region,
    method,
    url,
    client: headers['x-forwarded-for'],
    requestId: headers['x-request-id'],
  });
  reply.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'sample-region': region,
  });
  reply.end(body);
}

function sendEvents(reply: ServerResponse, count: number): void {
  reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    reply.write(`id: ${String(sent)}\ndata: {"region":"${region}","n":${String(sent)}}\n\n`);
    if (sent >= count) reply.end();
  }, 100);
  reply.on('close', () => clearInterval(timer));
}

const server = createServer(answer);
server.keepAliveTimeout = 72_000;
server.listen(Number(values.port), values.host, () => {
  console.log(JSON.stringify({ msg: 'listening', host: values.host, port: values.port, region }));
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 2000).unref();
  });
}
