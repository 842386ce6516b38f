/** Calls to other Meridian processes: kept-alive connections, a signed bearer token, a deadline. */
import { Agent, request } from 'undici';
import type { KeySet } from '../config/secrets-schema.ts';
import type { RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { signPeerToken } from '../auth/peer-token.ts';

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
}

export interface PeerReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface PeerClient {
  /**
   * Any HTTP status is a reply. Throws UpstreamUnavailable when none came; `details.wasSent` tells
   * whether the other side may have received the request.
   */
  request(origin: string, call: PeerCall): Promise<PeerReply>;
  /** An Authorization header value for connections made elsewhere (the region link). */
  authorization(): Promise<string>;
  close(): Promise<void>;
}

const tokenReuseMs = 20_000;

/** A client that speaks for `region`. */
export function createPeerClient(options: PeerClientOptions): PeerClient {
  const agent = new Agent({ connections: 64, pipelining: 1, connect: { timeout: 2000 } });
  let token: { value: string; madeAt: number } | null = null;
  const authorization = async (): Promise<string> => {
    if (token === null || performance.now() - token.madeAt > tokenReuseMs) {
      const value = await signPeerToken(options.region, options.clusterId, options.peerKeys);
      token = { value, madeAt: performance.now() };
    }
    return `Bearer ${token.value}`;
  };
  return {
    authorization,
    async request(origin, call) {
      const headers: Record<string, string> = { authorization: await authorization() };
      if (call.body !== undefined) headers['content-type'] = 'application/json';
      try {
        const reply = await request(new URL(call.path, origin), {
          dispatcher: agent,
          method: call.method,
          headers,
          body: call.body === undefined ? null : JSON.stringify(call.body),
          signal: AbortSignal.timeout(Math.max(1, Math.ceil(call.timeoutMs))),
        });
        return {
          status: reply.statusCode,
          headers: reply.headers,
          body: await reply.body.text(),
        };
      } catch (error) {
        const wasSent = !isConnectFailure(error);
        const facts = { origin, wasSent };
        throw new MeridianError('UpstreamUnavailable', 'A peer did not answer.', facts, error);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Whether the request certainly never left: no connection could be made. */
function isConnectFailure(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(
    String(code),
  );
}
