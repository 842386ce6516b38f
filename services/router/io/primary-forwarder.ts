/** Sends a request to the primary region's router: the only way SQL crosses regions. */
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { errorOfProblem } from '../../../shared/http/bearer-client.ts';
import type {
  PeerCall,
  PeerClient,
  PeerLines,
  PeerReply,
} from '../../../shared/http/peer-client.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataReply, DataRequest, RowStream } from '../../../shared/ports/data-access.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import {
  portableConsistency,
  portablePosition,
  positionOfPortable,
  type Portable,
} from '../core/forwarded-form.ts';
import { outcomeUnknown } from './sql/sql-failure.ts';

export interface ForwarderOptions {
  readonly cluster: ClusterBase;
  readonly client: PeerClient;
  readonly clock: Clock;
}

/** The path on the peer listener. */
const peerDataPath = '/peer/data';

export class PrimaryForwarder {
  readonly #options: ForwarderOptions;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * The reply of region `to`. Throws what that router throws; NotPrimary when it could not be
   * reached (nothing was done); CommitOutcomeUnknown or UpstreamUnavailable when it took the
   * request and did not answer.
   */
  async forward(to: RegionId, request: DataRequest, mayWrite: boolean): Promise<DataReply> {
    const leftMs = request.deadlineMs - this.#options.clock.monotonicMs();
    const origin = this.#originOf(to);
    const call: PeerCall = {
      method: 'POST',
      path: peerDataPath,
      body: bodyOf(request, leftMs - Math.min(50, leftMs / 10)),
      timeoutMs: Math.max(1, leftMs),
      signal: request.signal,
    };
    if (request.isStream === true) return this.#open(origin, call, to);
    let reply: PeerReply;
    try {
      reply = await this.#options.client.request(origin, call);
    } catch (error) {
      throw lostOnTheWay(error, to, { mayWrite, hasKey: request.idempotencyKey !== null });
    }
    const body = JSON.parse(reply.body) as unknown;
    if (reply.status >= 400) throw errorOfProblem(body, reply.status, origin);
    return replyOf(body as Portable<DataReply>);
  }

  /** The same for a read whose rows come in parts. */
  async #open(origin: string, call: PeerCall, to: RegionId): Promise<DataReply> {
    let reply: PeerLines;
    let head: string;
    try {
      reply = await this.#options.client.open(origin, call);
      head = await nextLine(reply);
    } catch (error) {
      throw lostOnTheWay(error, to, { mayWrite: false, hasKey: false });
    }
    const body = JSON.parse(head) as { readonly hasRest?: boolean };
    if (reply.status < 400 && body.hasRest === true) {
      return { ...replyOf(body as never), rest: new ForwardedRows(reply, origin) };
    }
    reply.close();
    if (reply.status >= 400) throw errorOfProblem(body, reply.status, origin);
    return replyOf(body as never);
  }

  /**
   * What the router of `region` says; `now`: its time and newest position, `sealed`: its promise.
   */
  async ask(region: RegionId, what: 'now' | 'sealed', timeoutMs: number): Promise<unknown> {
    const origin = this.#originOf(region);
    const call = { method: 'GET', path: `/peer/${what}`, timeoutMs } as const;
    const reply = await this.#options.client.request(origin, call);
    const body = JSON.parse(reply.body) as unknown;
    if (reply.status >= 400) throw errorOfProblem(body, reply.status, origin);
    return body;
  }

  #originOf(region: RegionId): string {
    const { regions } = this.#options.cluster;
    const found = regions.find(({ id }) => id === region);
    if (found === undefined) {
      throw new MeridianError('NotPrimary', `The cluster file knows no region ${region}.`);
    }
    const split = found.processes.find(({ services }) => services.includes('router'));
    return internalOrigin(found.host, (split?.listeners ?? found.listeners).peer);
  }
}

/** Rows that another region's router sends in parts, one line each. */
class ForwardedRows implements RowStream {
  readonly #reply: PeerLines;
  readonly #origin: string;

  constructor(reply: PeerLines, origin: string) {
    this.#reply = reply;
    this.#origin = origin;
  }

  async next(): Promise<DataReply['results'][number]['rows'] | null> {
    const value = JSON.parse(await nextLine(this.#reply)) as unknown;
    if (Array.isArray(value)) return value as DataReply['results'][number]['rows'];
    this.close();
    if (value === null) return null;
    const { problem } = value as { readonly problem?: unknown };
    throw errorOfProblem(problem, 500, this.#origin);
  }

  close(): void {
    this.#reply.close();
  }
}

/** Throws UpstreamUnavailable when the reply ends early. */
async function nextLine(reply: PeerLines): Promise<string> {
  const { done, value } = await reply.lines.next();
  if (done !== true) return value;
  throw new MeridianError('UpstreamUnavailable', 'A reply ended early.', { wasSent: true });
}

function bodyOf(request: DataRequest, remainingMs: number): unknown {
  return {
    ...request,
    deadlineMs: undefined,
    isForwarded: undefined,
    signal: undefined,
    token: portablePosition(request.token),
    consistency: portableConsistency(request.consistency),
    remainingMs: Math.max(1, Math.floor(remainingMs)),
  };
}

function replyOf(body: Portable<DataReply>): DataReply {
  const position = positionOfPortable(body.position);
  if (position === 'malformed') {
    throw new MeridianError('ProtocolViolation', 'The primary region sent no valid position.');
  }
  return { ...body, position, consistency: body.consistency };
}

function lostOnTheWay(
  error: unknown,
  to: RegionId,
  request: { readonly mayWrite: boolean; readonly hasKey: boolean },
): unknown {
  if (!(error instanceof MeridianError) || error.code !== 'UpstreamUnavailable') return error;
  if (error.details['wasSent'] === false) {
    const details = { retryAfterMs: 200 };
    return new MeridianError('NotPrimary', `${to} cannot be reached.`, details, error);
  }
  if (!request.mayWrite) return error;
  return outcomeUnknown(`${to} did not answer after it got the request.`, request.hasKey, error);
}
