/** One client of a workload: asks any region, carries its token, notes what it was told. */
import type { DataCall, DataClient, DataOutcome } from '../../../services/cli/demo/data-client.ts';
import { decodePositionToken } from '../../../shared/core/position-token.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import type { Operation, Outcome } from './history.ts';

export interface Ask {
  readonly region: string;
  readonly name: string;
  readonly key: string;
  readonly input?: unknown;
  readonly call: DataCall;
  /** What of the reply's body goes into the history. */
  readonly read?: (body: ReplyBody) => unknown;
}

export interface ReplyBody {
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount?: number;
  /** Of a transaction: one for each statement. */
  readonly results?: readonly Pick<ReplyBody, 'rows'>[];
}

/** Codes that leave open whether a write has happened. */
const openCodes = new Set(['CommitOutcomeUnknown', 'UpstreamUnavailable']);
const timeoutMs = 8000;

export class Session {
  readonly #id: string;
  readonly #clients: ReadonlyMap<string, DataClient>;
  readonly #history: Operation[];
  #token: string | null = null;

  constructor(id: string, clients: ReadonlyMap<string, DataClient>, history: Operation[]) {
    this.#id = id;
    this.#clients = clients;
    this.#history = history;
  }

  /** Sends once, never again; the operation is noted when its reply has come or failed to. */
  async ask(ask: Ask): Promise<Operation> {
    const { region, name, key, input = null, call, read } = ask;
    const client = this.#clients.get(region);
    if (client === undefined) throw new RangeError(`no region ${region}`);
    const headers = { ...(this.#token && { 'meridian-position': this.#token }), ...call.headers };
    const startedMs = performance.now();
    const reply = await client.send({ timeoutMs, ...call, headers });
    const endedMs = performance.now();
    const position = reply.kind === 'answered' ? positionOf(reply.token, headers) : null;
    if (reply.kind === 'answered') this.#token = reply.token ?? this.#token;
    if (reply.kind === 'refused' && reply.code === 'WriteLost') this.#token = reply.token;
    const outcome = outcomeOf(reply);
    const isAnswered = reply.kind === 'answered' && read !== undefined;
    const output = isAnswered ? read(reply.body as ReplyBody) : null;
    const code = reply.kind === 'refused' ? reply.code : reply.kind === 'silent' ? 'NoReply' : '';
    const servedBy = reply.kind === 'answered' ? reply.servedBy : null;
    const operation = {
      ...{ client: this.#id, region, name, key, input, output, outcome, code },
      ...{ startedMs, endedMs, servedBy, epoch: position?.epoch ?? null },
      ...(position === null ? {} : { position: formatPosition(position) }),
    };
    this.#history.push(operation);
    return operation;
  }
}

/** A reply repeats the request's token when its own position is no later one. */
function positionOf(token: string | null, sent: Readonly<Record<string, string>>): Position | null {
  if (token === null || token === sent['meridian-position']) return null;
  const unsigned = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8');
  return decodePositionToken(unsigned)?.position ?? null;
}

function outcomeOf(reply: DataOutcome): Outcome {
  if (reply.kind === 'answered') return 'ok';
  // Nobody listened: nothing was sent.
  if (reply.kind === 'silent') return reply.detail.includes('ECONNREFUSED') ? 'failed' : 'unknown';
  return openCodes.has(reply.code) || reply.code.startsWith('HTTP') ? 'unknown' : 'failed';
}

/** `POST /v1/query`. */
export function query(
  sql: string,
  params: readonly unknown[] = [],
  headers: Readonly<Record<string, string>> = {},
): DataCall {
  return { path: '/v1/query', body: { sql, params }, headers };
}

export const strong = { 'meridian-consistency': 'strong' };
export const eventual = { 'meridian-consistency': 'eventual' };

/** The first column of the first row as a number; null when there is no row or no value. */
export function firstNumber({ rows = [] }: ReplyBody): number | null {
  const value = Object.values(rows[0] ?? {})[0] ?? null;
  return value === null ? null : Number(value);
}
