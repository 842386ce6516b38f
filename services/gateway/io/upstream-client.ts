/**
 * Kept-alive connections to one origin: an upstream instance or another region's gateway. Most
 * requests have no body and may be repeated; over plain HTTP they have a short way of their own,
 * all others go by undici. Each of the two has up to `connectionsMax` connections.
 */
import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { buildConnector, errors, Pool, type Dispatcher } from 'undici';
import { notingFailures } from '../../../shared/http/connect-failure.ts';
import { formatRequestHead } from '../core/http1/request-head.ts';
import { createAddressList } from './address-list.ts';
import { PlainPool } from './http1/plain-pool.ts';
import { PlainRequest } from './http1/plain-request.ts';

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
    connect: notingFailures(buildConnector(connectorOf(options))),
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 600_000,
    allowH2: false,
  });
  const plain = plainPoolOf(options);
  const { host } = new URL(options.origin);
  return {
    origin: options.origin,
    send(request, handler) {
      try {
        if (plain !== null && isPlain(request)) {
          const { method, path, headers, headersMs, idleMs } = request;
          const head = formatRequestHead(method, path, { headers, host });
          if (head === null) throw new errors.InvalidArgumentError('unsound request head');
          plain.send(new PlainRequest({ head, headersMs, idleMs, handler }));
          return;
        }
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
    destroy() {
      plain?.destroy();
      return pool.destroy();
    },
  };
}

const plainMethods = new Set(['GET', 'OPTIONS', 'DELETE']);

function isPlain({ method, body, upgrade }: OutgoingRequest): boolean {
  return body === null && upgrade === undefined && plainMethods.has(method);
}

/** Null for origins that are not reached by plain HTTP. */
function plainPoolOf({
  origin,
  connectionsMax,
  connectMs,
}: UpstreamClientOptions): PlainPool | null {
  const { protocol, hostname, port } = new URL(origin);
  if (protocol !== 'http:') return null;
  return new PlainPool({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 80 : Number(port),
    ...{ connectionsMax, connectMs, lookup: lookUpSafely },
  });
}

/** For failures before there is a request. */
const noController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

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

/** `dns.lookup`, which fails for names that lead to one of `neverByName`. */
export const lookUpSafely: LookupFunction = (hostname, options, done) => {
  dns.lookup(hostname, options, (...[error, found, family]) => {
    const addresses = Array.isArray(found) ? found : [{ address: found }];
    const bad = error === null ? addresses.find(({ address }) => neverByName.has(address)) : null;
    if (bad === undefined || bad === null) return void done(error, found, family);
    const refused = new Error(`${hostname} leads to ${bad.address}, which is never connected to`);
    done(Object.assign(refused, { code: 'EHOSTUNREACH' }), found, family);
  });
};
