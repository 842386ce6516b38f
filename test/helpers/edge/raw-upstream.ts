/** An upstream that says exactly what a test writes, and requests to it without a gateway. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import type { UpstreamClient } from '../../../services/gateway/io/upstream-client.ts';

export interface RawRequest {
  readonly path: string;
  readonly socket: Socket;
  /** Of the connection, from 1 on. */
  readonly connection: number;
  /** Of the request on its connection, from 1 on. */
  readonly turn: number;
}

export interface RawUpstream {
  readonly origin: string;
  readonly port: number;
  readonly sockets: readonly Socket[];
  /** Paths in the order of arrival. */
  readonly paths: readonly string[];
  close(): Promise<void>;
}

/** `answer` writes what it likes for each request without a body. */
export async function startRawUpstream(
  answer: (request: RawRequest) => void,
): Promise<RawUpstream> {
  const sockets: Socket[] = [];
  const paths: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const connection = sockets.length;
    let turn = 0;
    let bytes = '';
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      bytes += data.toString('latin1');
      for (let end = bytes.indexOf('\r\n\r\n'); end >= 0; end = bytes.indexOf('\r\n\r\n')) {
        const path = bytes.split(' ')[1] ?? '';
        bytes = bytes.slice(end + 4);
        turn += 1;
        paths.push(path);
        answer({ path, socket, connection, turn });
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    ...{ port, sockets, paths },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Heard {
  status: number;
  headers: unknown;
  body: string;
  trailers: unknown;
  /** Interim replies. */
  readonly interim: number[];
  /** Code of the error that ended it. */
  error: string | null;
}

export interface Asked {
  readonly heard: Heard;
  readonly controller: Dispatcher.DispatchController;
  /** The end of the reply, or its failure. */
  readonly over: Promise<Heard>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headersMs?: number;
  readonly idleMs?: number;
  readonly onData?: (controller: Dispatcher.DispatchController, chunk: Buffer) => void;
}

/** Sends a request without a body. */
export function ask(client: UpstreamClient, path: string, options: AskOptions = {}): Asked {
  const heard: Heard = {
    ...{ status: 0, headers: null, body: '', trailers: null, interim: [], error: null },
  };
  let controller: Dispatcher.DispatchController | null = null;
  const over = new Promise<Heard>((resolve) => {
    const { method = 'GET', headersMs = 30_000, idleMs = 30_000 } = options;
    const request = { method, path, headers: ['host', 'x'], body: null, headersMs, idleMs };
    client.send(request, {
      onRequestStart: (given) => void (controller = given),
      onResponseStart(_, status, headers) {
        if (status < 200) heard.interim.push(status);
        else Object.assign(heard, { status, headers });
      },
      onResponseData(given, chunk) {
        heard.body += chunk.toString('latin1');
        options.onData?.(given, chunk);
      },
      onResponseEnd(_, trailers) {
        heard.trailers = trailers;
        resolve(heard);
      },
      onResponseError(_, error) {
        heard.error = 'code' in error ? String(error.code) : error.name;
        resolve(heard);
      },
    });
  });
  return {
    heard,
    over,
    get controller() {
      if (controller === null) throw new Error('the request was not taken');
      return controller;
    },
  };
}
