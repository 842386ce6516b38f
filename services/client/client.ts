/**
 * The client of Meridian's data API: keeps the session's position, repeats only what is safe,
 * throws typed errors. Needs nothing but `fetch`.
 */
import { MeridianClientError, problemOf, type Problem } from './client-error.ts';
import { OpenTransaction } from './open-transaction.ts';
import { parameterOf } from './parameters.ts';
import { decideRetry, leavesDoubt } from './retry-decision.ts';
import { SessionPosition } from './session-position.ts';
import { sql, SqlFragment, type SqlText } from './sql-template.ts';

export { MeridianClientError, type Problem, type Retry } from './client-error.ts';
export { OpenTransaction } from './open-transaction.ts';
export { identifier, join, sql, SqlFragment, type SqlText } from './sql-template.ts';

export type ConsistencyLevel = 'strong' | 'session' | 'bounded' | 'eventual';
export type DurabilityMode = 'async' | 'logged' | 'semi-sync' | 'sync';

/** What is needed of `fetch`. */
export type Fetch = (url: URL, request: FetchRequest) => Promise<FetchReply>;

export interface FetchRequest {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface FetchReply {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

export interface ClientOptions {
  /** The nearest gateway first; the others are asked when it fails. */
  readonly urls: readonly string[];
  /** Bearer token, or how to get one. */
  readonly token: string | (() => string | Promise<string>);
  readonly consistency?: ConsistencyLevel;
  readonly maxStalenessMs?: number;
  readonly durability?: DurabilityMode;
  /** Milliseconds for a call with its retries; default 30,000. */
  readonly timeoutMs?: number;
  /** Attempts of one call, the first included; default 5. */
  readonly attemptsMax?: number;
  /** How requests are sent, for instance over a pool of connections of your own. */
  readonly fetch?: Fetch;
}

export interface CallOptions {
  readonly consistency?: ConsistencyLevel;
  readonly maxStalenessMs?: number;
  readonly durability?: DurabilityMode;
  readonly rowMode?: 'object' | 'array' | 'text';
  /** It only reads: it may be sent again when no reply came. */
  readonly isRead?: boolean;
  /** Done exactly once however often it is sent; `true` makes a key. */
  readonly idempotencyKey?: string | true;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface TransactionOptions extends CallOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
}

export type BeginOptions = Omit<TransactionOptions, 'rowMode' | 'isRead' | 'idempotencyKey'>;

export interface TransactionStatement {
  readonly sql: string;
  readonly params?: readonly unknown[];
  readonly expectRows?: number;
}

export interface Field {
  readonly name: string;
  readonly typeOid: number;
}

export interface Result<Row = Record<string, unknown>> {
  readonly rows: readonly Row[];
  readonly fields: readonly Field[];
  readonly rowCount: number;
  readonly command: string;
  readonly truncated?: true;
}

/** What the reply says of how it was served. */
export interface Served {
  readonly region: string;
  readonly servedBy: string;
  readonly consistency: string;
  readonly stalenessMs: number | null;
  /** Durability reached, for writes. */
  readonly durability: string | null;
  readonly position: string | null;
}

export interface QueryResult<Row = Record<string, unknown>> extends Result<Row> {
  readonly served: Served;
}

export interface TransactionResult {
  readonly results: readonly Result[];
  readonly served: Served;
}

/** One session: its reads see its own writes and never go back. */
export class MeridianClient {
  readonly #options: ClientOptions;
  readonly #position = new SessionPosition();
  /** Index of the URL that answered last. */
  #preferred = 0;

  constructor(options: ClientOptions) {
    if (options.urls.length === 0) throw new RangeError('urls must name a gateway');
    this.#options = options;
  }

  /** The position that the session has reached; hand it on to another session with `advance`. */
  get position(): string | null {
    return this.#position.token;
  }

  advance(position: string | null): void {
    this.#position.advance(position);
  }

  /** A session of its own with the same options, starting from this one's position. */
  session(): MeridianClient {
    const other = new MeridianClient(this.#options);
    other.advance(this.position);
    return other;
  }

  /** Runs one statement. Throws MeridianClientError. */
  async query<Row = Record<string, unknown>>(
    statement: string | SqlFragment,
    params: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<QueryResult<Row>> {
    const text: SqlText =
      statement instanceof SqlFragment ? statement.toStatement() : { sql: statement, params };
    const { rowMode } = options;
    const body = { ...withParameters(text), ...(rowMode === undefined ? {} : { rowMode }) };
    const { json, served } = await this.#call('/v1/query', body, options);
    return { ...(json as Result<Row>), served };
  }

  /** client.sql`SELECT * FROM city WHERE id = ${id}` */
  async sql<Row = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<readonly Row[]> {
    return (await this.query<Row>(sql(strings, ...values))).rows;
  }

  /** Runs all statements or none. Throws MeridianClientError. */
  async transaction(
    statements: readonly (TransactionStatement | SqlFragment)[],
    options: TransactionOptions = {},
  ): Promise<TransactionResult> {
    const { isolation, readOnly, rowMode } = options;
    const body = {
      statements: statements.map((one) =>
        withParameters(one instanceof SqlFragment ? one.toStatement() : one),
      ),
      ...(isolation === undefined ? {} : { isolation }),
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(rowMode === undefined ? {} : { rowMode }),
    };
    const { json, served } = await this.#call('/v1/transaction', body, options);
    return { results: (json as { results: readonly Result[] }).results, served };
  }

  /** Opens a transaction that takes statements one by one. Throws MeridianClientError. */
  async begin(options: BeginOptions = {}): Promise<OpenTransaction> {
    const { isolation, readOnly } = options;
    const body = {
      ...(isolation === undefined ? {} : { isolation }),
      ...(readOnly === undefined ? {} : { readOnly }),
    };
    const { json } = await this.#call('/v1/transactions', body, { ...options, isRead: true });
    const { id } = json as { readonly id: string };
    return new OpenTransaction(id, (path, call, sent) => this.#call(path, call, sent));
  }

  async #call(
    path: string,
    body: unknown,
    options: CallOptions & { readonly isWithin?: true },
  ): Promise<{ readonly json: unknown; readonly served: Served }> {
    const { attemptsMax = 5, timeoutMs = 30_000 } = { ...this.#options, ...options };
    const endMs = performance.now() + timeoutMs;
    const key = options.idempotencyKey === true ? crypto.randomUUID() : options.idempotencyKey;
    const text = JSON.stringify(body);
    let doubt: MeridianClientError | null = null;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(path, text, { ...options, key, leftMs: endMs - performance.now() });
      } catch (error) {
        if (!(error instanceof MeridianClientError)) throw error;
        const decision = decideRetry({
          problem: error,
          isRepeatable: key !== undefined || options.isRead === true,
          isWithin: options.isWithin === true,
          attempt,
          attemptsMax,
          leftMs: endMs - performance.now(),
          random: Math.random(),
        });
        if (leavesDoubt(error) && options.isRead !== true) doubt = error;
        if (decision.kind === 'give-up' || options.signal?.aborted === true) {
          // A later attempt that failed does not undo an earlier one that may be done.
          throw doubt === null || doubt === error ? error : new MeridianClientError(doubt, error);
        }
        if (decision.isElsewhere) this.#preferred += 1;
        await new Promise((resolve) => setTimeout(resolve, decision.afterMs));
      }
    }
  }

  async #send(path: string, text: string, call: Sent) {
    const { urls, token, fetch: send = fetch } = this.#options;
    const origin = urls[this.#preferred % urls.length] ?? '';
    const headers = this.#headersOf(call, typeof token === 'string' ? token : await token());
    const late = AbortSignal.timeout(Math.max(1, Math.ceil(call.leftMs)));
    const signal = call.signal === undefined ? late : AbortSignal.any([late, call.signal]);
    let status: number;
    let reply: FetchReply;
    let answer: string;
    try {
      reply = await send(new URL(path, origin), { method: 'POST', headers, body: text, signal });
      status = reply.status;
      answer = await reply.text();
    } catch (error) {
      throw new MeridianClientError(noReply(origin), error);
    }
    const served = servedOf(reply.headers);
    const problem = status >= 400 ? problemOf(status, answer) : null;
    // What the position stood for is lost; the reply's is what is left of it.
    if (problem?.code === 'WriteLost') this.#position.reset();
    this.#position.advance(served.position);
    if (problem !== null) throw new MeridianClientError(problem);
    return { json: JSON.parse(answer) as unknown, served };
  }

  #headersOf(call: Sent, token: string): Record<string, string> {
    const { consistency, maxStalenessMs, durability } = { ...this.#options, ...call };
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      // A little less than is waited for: a reply about a passed deadline still arrives.
      'meridian-deadline-ms': String(
        Math.max(1, Math.floor(call.leftMs - Math.min(200, call.leftMs / 10))),
      ),
    };
    if (consistency !== undefined) headers['meridian-consistency'] = consistency;
    if (maxStalenessMs !== undefined) headers['meridian-max-staleness-ms'] = String(maxStalenessMs);
    if (durability !== undefined) headers['meridian-durability'] = durability;
    if (call.key !== undefined) headers['idempotency-key'] = call.key;
    if (this.position !== null) headers['meridian-position'] = this.position;
    return headers;
  }
}

interface Sent extends CallOptions {
  readonly key: string | undefined;
  readonly leftMs: number;
}

function withParameters<T extends { readonly params?: readonly unknown[] }>(statement: T): T {
  const { params = [] } = statement;
  return { ...statement, params: params.map(parameterOf) };
}

function noReply(origin: string): Problem {
  return { code: 'NoReply', status: 0, detail: `${origin} did not answer.`, retry: 'elsewhere' };
}

function servedOf(headers: FetchReply['headers']): Served {
  const staleness = headers.get('meridian-staleness-ms');
  return {
    region: headers.get('meridian-region') ?? '',
    servedBy: headers.get('meridian-served-by') ?? '',
    consistency: headers.get('meridian-consistency') ?? '',
    stalenessMs: staleness === null ? null : Number(staleness),
    durability: headers.get('meridian-durability'),
    position: headers.get('meridian-position'),
  };
}
