/** Kept-alive connections to one origin: an upstream instance or another region's gateway. */
import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Pool, type buildConnector, type Dispatcher } from 'undici';
import { createAddressList } from './address-list.ts';

export interface UpstreamClientOptions {
  /** `http://host:port`. */
  readonly origin: string;
  readonly connectionsMax: number;
  readonly connectMs: number;
  /** For origins of https: who may have signed the certificate, and the name in it. */
  readonly tls: UpstreamTls | null;
}

export interface UpstreamTls {
  /** PEM; none: whom the system trusts. */
  readonly ca: Buffer | null;
  /** None: the origin's host. */
  readonly name: string | null;
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
    connect: connectorOf(options),
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 600_000,
    allowH2: false,
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

/** How connections are made. */
export function connectorOf({
  connectMs,
  tls,
}: Pick<UpstreamClientOptions, 'connectMs' | 'tls'>): buildConnector.BuildOptions {
  const ca = tls?.ca ?? null;
  const name = tls?.name ?? null;
  return {
    timeout: connectMs,
    autoSelectFamily: false,
    lookup: lookUpSafely,
    allowH2: false,
    ...(ca === null ? {} : { ca }),
    ...(name === null ? {} : { servername: name }),
  };
}

/**
 * Addresses that a host name must not lead to: link-local ones, where clouds keep credentials for
 * whoever asks from the machine. Written as a number in the cluster file they are meant.
 */
export const neverByName = createAddressList(['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254']);

const lookUpSafely: LookupFunction = (hostname, options, done) => {
  dns.lookup(hostname, options, (...[error, found, family]) => {
    const addresses = Array.isArray(found) ? found : [{ address: found }];
    const bad = error === null ? addresses.find(({ address }) => neverByName.has(address)) : null;
    if (bad === undefined || bad === null) return void done(error, found, family);
    const refused = new Error(`${hostname} leads to ${bad.address}, which is never connected to`);
    done(Object.assign(refused, { code: 'EHOSTUNREACH' }), found, family);
  });
};

/** For failures before undici has made a controller. */
const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};
