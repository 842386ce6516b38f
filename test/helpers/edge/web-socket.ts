/** Real WebSocket servers and clients (`ws`), with what was received kept for assertions. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws';
import { startHttpUpstream, type HttpUpstream } from '../http-upstream.ts';

export interface WebSocketUpstream extends HttpUpstream {
  readonly sockets: Set<WebSocket>;
  /** The latest conversation's request and what came of it. */
  last: { request: IncomingMessage; received: string[]; closed: Promise<Closed> } | null;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** Echoes every message, unless `onSocket` is given. */
export async function startWebSocketUpstream(
  options: ServerOptions = {},
  onSocket?: (socket: WebSocket, request: IncomingMessage) => void,
): Promise<WebSocketUpstream> {
  const http = await startHttpUpstream((_, reply) => void reply.end('plain'));
  const server = new WebSocketServer({ ...options, noServer: true });
  const sockets = new Set<WebSocket>();
  const upstream: WebSocketUpstream = {
    ...http,
    sockets,
    last: null,
    close: async () => {
      for (const socket of sockets) socket.terminate();
      await http.close();
    },
  };
  http.server.on('upgrade', (request, stream, head) => {
    server.handleUpgrade(request, stream, head, (socket) => {
      const received: string[] = [];
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
      upstream.last = { request, received, closed: closedOf(socket) };
      socket.on('message', (data: Buffer, isBinary) => {
        received.push(isBinary ? `${String(data.length)} bytes` : data.toString());
        if (onSocket === undefined) socket.send(data, { binary: isBinary });
      });
      onSocket?.(socket, request);
    });
  });
  return upstream;
}

/** An open client. */
export async function openWebSocket(
  url: string,
  options: ClientOptions & { readonly protocols?: string[]; readonly servername?: string } = {},
): Promise<WebSocket> {
  const { protocols, ...others } = options;
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, others);
  socket.on('error', () => undefined);
  await Promise.race([
    once(socket, 'open'),
    once(socket, 'unexpected-response').then(([, reply]: unknown[]) => {
      throw new Error(`answered ${String((reply as IncomingMessage).statusCode)}`);
    }),
    once(socket, 'close').then(() => {
      throw new Error('closed before it was open');
    }),
  ]);
  return socket;
}

/** Status, headers and body of a handshake that is refused. */
export async function refusedWebSocket(
  url: string,
  options: ClientOptions = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), options);
  socket.on('error', () => undefined);
  const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  const chunks = (await reply.toArray()) as Buffer[];
  const body = Buffer.concat(chunks).toString();
  return { status: reply.statusCode ?? 0, headers: reply.headers, body };
}

/** How the conversation ends. */
export async function closedOf(socket: WebSocket): Promise<Closed> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

/** The next message as text. */
export async function messageOf(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return data.toString();
}
