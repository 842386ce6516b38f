/**
 * Sends SQL to one region's gateway, once, and says what came back over the socket. Nothing is
 * tried again: an open-loop measurement counts what a client without any retry would see.
 */
import { Pool } from 'undici';
import { linkConnector } from '../../../shared/http/secured-link.ts';
import {
  MeridianClient,
  MeridianClientError,
  type CallOptions,
  type ConsistencyLevel,
  type DurabilityMode,
  type Fetch,
  type Served,
  type TransactionOptions,
  type TransactionStatement,
} from '../../client/client.ts';

export interface DataCall {
  readonly path: '/v1/query' | '/v1/transaction';
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export type DataOutcome =
  | {
      readonly kind: 'answered';
      readonly body: unknown;
      /** Position token of the reply. */
      readonly token: string | null;
      /** Region of the node that served it. */
      readonly servedBy: string | null;
    }
  /** The error code of the problem document, or the HTTP status. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly detail: string;
      /** Position token to go on with. */
      readonly token: string | null;
    }
  /** No reply came: the connection broke or time ran out. */
  | { readonly kind: 'silent'; readonly detail: string };

export interface DataClient {
  readonly region: string;
  send(call: DataCall): Promise<DataOutcome>;
  close(): Promise<void>;
}

const defaultTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;

/** A client of the gateway at `origin`; each call is a session of its own. */
export function createDataClient(region: string, origin: string, token: string): DataClient {
  const connect = linkConnector('public', connectTimeoutMs);
  const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0, connect });
  const client = new MeridianClient({
    urls: [origin],
    token,
    attemptsMax: 1,
    fetch: fetchThrough(pool),
  });
  return {
    region,
    async send(call) {
      const headers = new Headers(call.headers);
      const session = client.session();
      session.advance(headers.get('meridian-position'));
      try {
        const { body, served } = await sendIn(session, call, optionsOf(headers, call.timeoutMs));
        const servedBy = served.servedBy.split('/')[0] ?? null;
        return { kind: 'answered', body, token: served.position, servedBy };
      } catch (error) {
        if (!(error instanceof MeridianClientError)) throw error;
        const { code, detail } = error;
        if (code === 'NoReply') return { kind: 'silent', detail };
        return { kind: 'refused', code, detail, token: session.position };
      }
    },
    close: async () => pool.close(),
  };
}

/** The requests of a load take a fraction of the processor time that the global `fetch` needs. */
function fetchThrough(pool: Pool): Fetch {
  return async ({ pathname }, { method, headers, body, signal }) => {
    const reply = await pool.request({ path: pathname, method, headers, body, signal });
    const get = (name: string): string | null => {
      const value = reply.headers[name];
      return typeof value === 'string' ? value : null;
    };
    return { status: reply.statusCode, headers: { get }, text: async () => reply.body.text() };
  };
}

interface TransactionBody {
  readonly statements: readonly TransactionStatement[];
  readonly isolation?: TransactionOptions['isolation'];
}

async function sendIn(
  session: MeridianClient,
  { path, body }: DataCall,
  options: CallOptions,
): Promise<{ readonly body: unknown; readonly served: Served }> {
  if (path === '/v1/query') {
    const { sql, params = [] } = body as TransactionStatement;
    const result = await session.query(sql, params, options);
    return { body: result, served: result.served };
  }
  const { statements, isolation } = body as TransactionBody;
  const asked = isolation === undefined ? options : { ...options, isolation };
  const { results, served } = await session.transaction(statements, asked);
  return { body: { results }, served };
}

function optionsOf(headers: Headers, timeoutMs = defaultTimeoutMs): CallOptions {
  const consistency = headers.get('meridian-consistency');
  const durability = headers.get('meridian-durability');
  const maxStalenessMs = headers.get('meridian-max-staleness-ms');
  const idempotencyKey = headers.get('idempotency-key');
  return {
    timeoutMs,
    ...(consistency !== null && { consistency: consistency as ConsistencyLevel }),
    ...(durability !== null && { durability: durability as DurabilityMode }),
    ...(maxStalenessMs !== null && { maxStalenessMs: Number(maxStalenessMs) }),
    ...(idempotencyKey !== null && { idempotencyKey }),
  };
}

/** Values of the first row of a result, by column name; empty when there is no row. */
export function firstRow(result: unknown): Readonly<Record<string, unknown>> {
  const { rows, fields } = (result ?? {}) as {
    rows?: readonly unknown[];
    fields?: readonly { name: string }[];
  };
  const row = rows?.[0];
  if (Array.isArray(row)) {
    return Object.fromEntries((fields ?? []).map(({ name }, index) => [name, row[index]]));
  }
  return (row ?? {}) as Readonly<Record<string, unknown>>;
}
