/** An interactive transaction: statements go one by one, until it is committed or rolled back. */
import type { CallOptions, QueryResult, Result, Served } from './client.ts';
import { parameterOf } from './parameters.ts';
import { SqlFragment, type SqlText } from './sql-template.ts';

/** Sends one call of the client that opened it. */
export type TransactionSender = (
  path: string,
  body: unknown,
  options: CallOptions & { readonly isWithin: true },
) => Promise<{ readonly json: unknown; readonly served: Served }>;

export class OpenTransaction {
  readonly id: string;
  readonly #send: TransactionSender;

  constructor(id: string, send: TransactionSender) {
    this.id = id;
    this.#send = send;
  }

  /** Throws MeridianClientError; after a failed statement only a rollback helps. */
  async query<Row = Record<string, unknown>>(
    statement: string | SqlFragment,
    params: readonly unknown[] = [],
    options: Pick<CallOptions, 'rowMode' | 'timeoutMs' | 'signal'> = {},
  ): Promise<QueryResult<Row>> {
    const text: SqlText =
      statement instanceof SqlFragment ? statement.toStatement() : { sql: statement, params };
    const { rowMode } = options;
    const own = { sql: text.sql, params: text.params.map(parameterOf) };
    const body = { ...own, ...(rowMode === undefined ? {} : { rowMode }) };
    const { json, served } = await this.#call('query', body, options);
    return { ...(json as Result<Row>), served };
  }

  /**
   * Asked again when no answer came: it is done once. With an idempotency key the outcome is
   * certain even when the process that held the transaction is gone.
   * Throws MeridianClientError of SQLSTATE 25P02 when a statement had failed: it is rolled back.
   */
  async commit(
    options: Pick<CallOptions, 'idempotencyKey' | 'timeoutMs' | 'signal'> = {},
  ): Promise<{ readonly served: Served }> {
    const { served } = await this.#call('commit', {}, { ...options, isRead: true });
    return { served };
  }

  async rollback(
    options: Pick<CallOptions, 'timeoutMs'> = {},
  ): Promise<{ readonly served: Served }> {
    const { served } = await this.#call('rollback', {}, { ...options, isRead: true });
    return { served };
  }

  #call(what: 'query' | 'commit' | 'rollback', body: unknown, options: CallOptions) {
    const path = `/v1/transactions/${this.id}/${what}`;
    return this.#send(path, body, { ...options, isWithin: true });
  }
}
