/** Connections to PostgreSQL. Every value stays text: no parser of the driver loses a digit. */
import pg from 'pg';
import { clientTls, refusalOf } from '../runtime/link-security.ts';
import { foreignRefusalOf, foreignTls, type ForeignWay } from './foreign-server.ts';

export type PgClient = pg.Client;

export interface PgTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly applicationName: string;
  /** Start-up options, e.g. `ownSessionOptions`. */
  readonly options?: string;
  readonly connectTimeoutMs?: number;
  /** Bound of each statement on the server; never set where a COMMIT may wait. */
  readonly statementTimeoutMs?: number;
  /** Bound of the wait for each answer of a server that may be cut off; the client ends then. */
  readonly answerTimeoutMs?: number;
  /** A server of somebody else's: it has no certificate of the cluster. */
  readonly foreign?: ForeignWay;
}

/** What every connection of Meridian's own starts with: it must never wait for itself. */
export const ownSessionOptions = '-c synchronous_commit=local';

/** The text of a value must be the same whatever the server's settings are. */
export const textSettings =
  '-c datestyle=ISO,MDY -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 ' +
  '-c bytea_output=hex -c lc_monetary=C -c xmloption=content -c search_path=pg_catalog';

const textTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

/** A cut line is noticed so soon where only answers are waited for. */
const foreignKeepAliveMs = 10_000;

/** The settings of `pg` for `target`; in mode tls the server must prove whose it is. */
export function pgConfigOf(target: PgTarget): pg.ClientConfig {
  const { foreign, answerTimeoutMs } = target;
  const secured =
    foreign === undefined ? clientTls('postgres', target.host) : foreignTls(target.host, foreign);
  return {
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    password: target.password,
    application_name: target.applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs ?? 3000,
    keepAlive: true,
    types: textTypes,
    ...(secured === null ? {} : { ssl: secured }),
    ...(foreign === undefined ? {} : { keepAliveInitialDelayMillis: foreignKeepAliveMs }),
    ...(answerTimeoutMs === undefined ? {} : { query_timeout: answerTimeoutMs }),
    ...(target.options === undefined ? {} : { options: target.options }),
    ...(target.statementTimeoutMs === undefined
      ? {}
      : { statement_timeout: target.statementTimeoutMs }),
  };
}

/** A connected client. An error on an idle connection only marks it as ended. */
export async function connectPg(target: PgTarget): Promise<pg.Client> {
  const client = new pg.Client(pgConfigOf(target));
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    void client.end().catch(() => undefined);
    throw connectionRefusalOf(target, error);
  }
  return client;
}

/** Why there is no connection: a refusal, with what to do, when a certificate was the reason. */
export function connectionRefusalOf(target: PgTarget, error: unknown): unknown {
  if (target.foreign === undefined) return refusalOf('postgres', error);
  return foreignRefusalOf(`${target.host}:${String(target.port)}`, error);
}

/** Runs `work` on a connection of its own and closes it. */
export async function withPg<T>(
  target: PgTarget,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connectPg(target);
  try {
    return await work(client);
  } finally {
    void client.end().catch(() => undefined);
  }
}

export interface PgPoolOptions extends PgTarget {
  readonly max: number;
  readonly idleTimeoutMs?: number;
}

/** A bounded pool; errors on idle connections drop them. */
export function createPgPool(options: PgPoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...pgConfigOf(options),
    max: options.max,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
  });
  pool.on('error', () => undefined);
  return pool;
}
