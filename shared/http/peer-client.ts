/** Calls to other Meridian processes: kept-alive connections, a signed bearer token, a deadline. */
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import type { KeySet } from '../config/secrets-schema.ts';
import type { RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { signPeerToken } from '../auth/peer-token.ts';
import { wasNeverConnected } from './connect-failure.ts';
import { linkConnector } from './secured-link.ts';

export interface PeerClientOptions {
  readonly region: RegionId;
  readonly clusterId: string;
  readonly peerKeys: KeySet;
}

export interface PeerCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
  /** Aborts when nobody waits for the reply any more. */
  readonly signal?: AbortSignal | undefined;
}

export interface PeerReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface PeerLines {
  readonly status: number;
  readonly lines: AsyncIterator<string>;
  /** Gives up what was not read yet. */
  close(): void;
}

export interface PeerClient {
  /**
   * Any HTTP status is a reply. Throws UpstreamUnavailable when none came; `details.wasSent` tells
   * whether the other side may have received the request.
   */
  request(origin: string, call: PeerCall): Promise<PeerReply>;
  /** The same for a reply of many lines, which are read as they are taken. */
  open(origin: string, call: PeerCall): Promise<PeerLines>;
  /** An Authorization header value for connections made elsewhere (the region link). */
  authorization(): Promise<string>;
  close(): Promise<void>;
}

const tokenReuseMs = 20_000;
const connectTimeoutMs = 2000;

/** A client that speaks for `region`. */
export function createPeerClient(options: PeerClientOptions): PeerClient {
  const agent = new Agent({
    connections: 256,
    pipelining: 1,
    connect: linkConnector('peer', connectTimeoutMs),
  });
  let token: { value: string; madeAt: number } | null = null;
  const authorization = async (): Promise<string> => {
    if (token === null || performance.now() - token.madeAt > tokenReuseMs) {
      const value = await signPeerToken(options.region, options.clusterId, options.peerKeys);
      token = { value, madeAt: performance.now() };
    }
    return `Bearer ${token.value}`;
  };
  const send = async (origin: string, call: PeerCall) => {
    const headers: Record<string, string> = { authorization: await authorization() };
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    return request(new URL(call.path, origin), {
      dispatcher: agent,
      method: call.method,
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: untilEither(AbortSignal.timeout(Math.max(1, Math.ceil(call.timeoutMs))), call.signal),
    });
  };
  return {
    authorization,
    async request(origin, call) {
      try {
        const { statusCode, headers, body } = await send(origin, call);
        return { status: statusCode, headers, body: await body.text() };
      } catch (error) {
        throw unavailable(origin, error);
      }
    },
    async open(origin, call) {
      try {
        const { statusCode, body } = await send(origin, call);
        const lines = createInterface({ input: body, crlfDelay: Infinity });
        // What ends the reply early is met by whoever reads its lines.
        body.on('error', () => lines.close());
        const close = (): void => {
          lines.close();
          body.destroy();
        };
        return { status: statusCode, lines: lines[Symbol.asyncIterator](), close };
      } catch (error) {
        throw unavailable(origin, error);
      }
    },
    close: () => agent.destroy(),
  };
}

function unavailable(origin: string, error: unknown): MeridianError {
  const why = error instanceof MeridianError ? error.details['why'] : undefined;
  const wasSent = why === undefined && !wasNeverConnected(error);
  const facts = { origin, wasSent, ...(why === undefined ? {} : { why }) };
  return new MeridianError('UpstreamUnavailable', 'A peer did not answer.', facts, error);
}

function untilEither(late: AbortSignal, gone: AbortSignal | undefined): AbortSignal {
  return gone === undefined ? late : AbortSignal.any([late, gone]);
}
