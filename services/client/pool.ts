/**
 * The `query` and `connect` of `pg.Pool` over Meridian's data API: an application that uses `pg`
 * changes its import. Rows, values and errors look as they do there.
 */
import { Listeners } from './listeners.ts';
import {
  MeridianClient,
  MeridianClientError,
  type CallOptions,
  type ClientOptions,
  type Field,
  type Served,
} from './client.ts';
import type { OpenTransaction } from './open-transaction.ts';
import { types } from './pg-values.ts';
import { PoolTransactions } from './pool-transactions.ts';

export { types, type TypeParser } from './pg-values.ts';
export { MeridianClientError } from './client.ts';

/** Options of the client; urls and token default to MERIDIAN_URLS (commas) and MERIDIAN_TOKEN. */
export type PoolConfig = Partial<ClientOptions>;

export interface QueryConfig extends CallOptions {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** `array`: rows as arrays. */
  readonly rowMode?: 'array';
}

export interface FieldDef extends Field {
  readonly dataTypeID: number;
}

export interface QueryResult<Row = Record<string, unknown>> {
  readonly rows: Row[];
  readonly fields: readonly FieldDef[];
  readonly rowCount: number | null;
  readonly command: string;
  /** How it was served: region, node, durability reached, position. */
  readonly served: Served;
}

/** As `pg`'s: `code` is the SQLSTATE where PostgreSQL gave one, else Meridian's code. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;
  readonly severity = 'ERROR';
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly position: string | undefined;
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;

  constructor(error: MeridianClientError) {
    super(error.message, { cause: error });
    const fact = (key: string): string | undefined => {
      const value = error.facts?.[key];
      return typeof value === 'string' ? value : undefined;
    };
    this.code = error.sqlstate ?? error.code;
    this.detail = fact('sqlDetail');
    this.hint = error.hint;
    this.position = fact('position');
    this.schema = fact('schema');
    this.table = fact('table');
    this.column = fact('column');
    this.constraint = fact('constraint');
  }
}

type Done<T> = (error: Error | null, result?: T) => void;

/** What a pool and its clients have in common. */
abstract class Queryable extends Listeners {
  readonly session: MeridianClient;

  constructor(session: MeridianClient) {
    super();
    this.session = session;
  }

  query<Row = Record<string, unknown>>(
    query: string | QueryConfig,
    values?: readonly unknown[],
  ): Promise<QueryResult<Row>>;
  query<Row = Record<string, unknown>>(
    query: string | QueryConfig,
    done: Done<QueryResult<Row>>,
  ): void;
  query<Row = Record<string, unknown>>(
    query: string | QueryConfig,
    values: readonly unknown[] | undefined,
    done: Done<QueryResult<Row>>,
  ): void;
  query<Row = Record<string, unknown>>(
    query: string | QueryConfig,
    valuesOrDone?: readonly unknown[] | Done<QueryResult<Row>>,
    done?: Done<QueryResult<Row>>,
  ): Promise<QueryResult<Row>> | undefined {
    const values = typeof valuesOrDone === 'function' ? undefined : valuesOrDone;
    const callback = typeof valuesOrDone === 'function' ? valuesOrDone : done;
    const pending = this.run<Row>(query, values);
    if (callback === undefined) return pending;
    answer(pending, callback);
    return undefined;
  }

  protected abstract run<Row>(
    query: string | QueryConfig,
    values: readonly unknown[] | undefined,
  ): Promise<QueryResult<Row>>;
}

/**
 * A session of its own: its reads see its own writes and what came before it in the pool. Queries
 * run one after another; BEGIN opens a transaction that holds until COMMIT or ROLLBACK.
 */
export class PoolClient extends Queryable {
  readonly #pool: Pool;
  readonly #transactions: PoolTransactions;
  #last: Promise<unknown> = Promise.resolve();
  #isOut = true;

  constructor(pool: Pool) {
    super(pool.session.session());
    this.#pool = pool;
    this.#transactions = new PoolTransactions(this.session);
  }

  /** What this session has seen, the pool's next queries see too. What is open is rolled back. */
  release(_error?: Error | boolean): void {
    if (!this.#isOut) throw new Error('Release called on client which has already been released');
    this.#isOut = false;
    void this.#last.then(() => this.#transactions.abandon());
    this.#pool.session.advance(this.session.position);
    this.#pool.emit('release', undefined, this);
  }

  protected run<Row>(
    query: string | QueryConfig,
    values: readonly unknown[] | undefined,
  ): Promise<QueryResult<Row>> {
    const { text } = configOf(query);
    const result = this.#last.then(async () => {
      const control = await this.#transactions.control(text).catch(thrown);
      if (control !== null) return { ...control, rows: [], fields: [], rowCount: null };
      return run<Row>(this.#transactions.target, query, values);
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Connections are the gateway's business: `max`, `idleTimeoutMillis` and their kin do nothing. */
export class Pool extends Queryable {
  #isEnded = false;

  protected run<Row>(
    query: string | QueryConfig,
    values: readonly unknown[] | undefined,
  ): Promise<QueryResult<Row>> {
    return run<Row>(this.session, query, values);
  }

  constructor(config: PoolConfig = {}) {
    super(new MeridianClient(optionsOf(config)));
  }

  get ended(): boolean {
    return this.#isEnded;
  }

  connect(): Promise<PoolClient>;
  connect(
    done: (error: Error | null, client?: PoolClient, release?: PoolClient['release']) => void,
  ): void;
  connect(
    done?: (error: Error | null, client?: PoolClient, release?: PoolClient['release']) => void,
  ): Promise<PoolClient> | undefined {
    const client = new PoolClient(this);
    this.emit('connect', client);
    if (done === undefined) return Promise.resolve(client);
    done(null, client, (error) => client.release(error));
    return undefined;
  }

  /** Nothing is kept open; queries after it still work, as their sessions need no connection. */
  end(done?: () => void): Promise<void> {
    this.#isEnded = true;
    done?.();
    return Promise.resolve();
  }
}

function optionsOf(config: PoolConfig): ClientOptions {
  const urls = config.urls ?? process.env['MERIDIAN_URLS']?.split(',').map((url) => url.trim());
  const token = config.token ?? process.env['MERIDIAN_TOKEN'];
  if (urls === undefined || token === undefined) {
    throw new RangeError('Give urls and token, or set MERIDIAN_URLS and MERIDIAN_TOKEN.');
  }
  return { ...config, urls, token };
}

async function run<Row>(
  session: Pick<MeridianClient, 'query'> | OpenTransaction,
  query: string | QueryConfig,
  values: readonly unknown[] | undefined,
): Promise<QueryResult<Row>> {
  const { text, values: own, rowMode, ...options } = configOf(query);
  const params = values ?? own ?? [];
  try {
    const call = { ...options, rowMode: 'text' } as const;
    const result = await session.query<readonly (string | null)[]>(text, params, call);
    const fields = result.fields.map((field) => ({ ...field, dataTypeID: field.typeOid }));
    const rows = result.rows.map((row) => rowOf(row, fields, rowMode === 'array') as Row);
    const { rowCount, command, served } = result;
    return { rows, fields, rowCount, command, served };
  } catch (error) {
    return thrown(error);
  }
}

/** As `pg` throws it. */
function thrown(error: unknown): never {
  throw error instanceof MeridianClientError ? new DatabaseError(error) : error;
}

function configOf(query: string | QueryConfig): QueryConfig {
  return typeof query === 'string' ? { text: query } : query;
}

function rowOf(
  row: readonly (string | null)[],
  fields: readonly FieldDef[],
  isArray: boolean,
): unknown {
  const values = fields.map(({ dataTypeID }, index) => {
    const text = row[index] ?? null;
    return text === null ? null : types.getTypeParser(dataTypeID)(text);
  });
  if (isArray) return values;
  return Object.fromEntries(fields.map(({ name }, index) => [name, values[index]]));
}

function answer<T>(pending: Promise<T>, done: Done<T>): void {
  pending.then(
    (result) => queueMicrotask(() => done(null, result)),
    (error: unknown) =>
      queueMicrotask(() => done(error instanceof Error ? error : new Error(String(error)))),
  );
}
