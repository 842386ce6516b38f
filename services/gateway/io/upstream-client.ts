/** Kept-alive connections to one origin: an upstream instance or another region's gateway. */
import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';

export interface UpstreamClientOptions {
  /** `http://host:port`. */
  readonly origin: string;
  readonly connectionsMax: number;
  readonly connectMs: number;
}

export interface OutgoingRequest {
  readonly method: string;
  /** Path and query, starting with a slash. */
  readonly path: string;
  /** Flat name, value, name, value. */
  readonly headers: string[];
  readonly body: Readable | null;
  readonly headersMs: number;
  readonly idleMs: number;
  /** The protocol to change to. */
  readonly upgrade?: string;
}

export interface UpstreamClient {
  readonly origin: string;
  /** Sends; what happens is told to `handler`, failures included. Never throws. */
  send(request: OutgoingRequest, handler: Dispatcher.DispatchHandler): void;
  /** Ends all connections, requests under way included. */
  destroy(): Promise<void>;
}

/** Nothing is connected before the first request. */
export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient {
  const pool = new Pool(options.origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    connectTimeout: options.connectMs,
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 600_000,
    allowH2: false,
    autoSelectFamily: false,
  });
  return {
    origin: options.origin,
    send(request, handler) {
      try {
        pool.dispatch(
          {
            method: request.method,
            path: request.path,
            headers: request.headers,
            body: request.body,
            headersTimeout: request.headersMs,
            bodyTimeout: request.idleMs,
            upgrade: request.upgrade ?? null,
          },
          handler,
        );
      } catch (error) {
        handler.onResponseError?.(noController, error as Error);
      }
    },
    destroy: () => pool.destroy(),
  };
}

/** For failures before undici has made a controller. */
const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};
