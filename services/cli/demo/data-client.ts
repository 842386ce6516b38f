/**
 * Sends SQL to one region's gateway, once, and says what came back over the socket. Nothing is
 * tried again: an open-loop measurement counts what a client without any retry would see.
 */
import { Pool } from 'undici';

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
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** No reply came: the connection broke or time ran out. */
  | { readonly kind: 'silent'; readonly detail: string };

export interface DataClient {
  readonly region: string;
  send(call: DataCall): Promise<DataOutcome>;
  close(): Promise<void>;
}

const connectionsMax = 512;
const defaultTimeoutMs = 30_000;
/** A reply about a passed deadline gets so long to arrive. */
const replyMs = 2000;

/** A client of the gateway at `origin`. */
export function createDataClient(region: string, origin: string, token: string): DataClient {
  const pool = new Pool(origin, {
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: 5000 },
  });
  return {
    region,
    async send(call) {
      const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
      try {
        const reply = await pool.request({
          method: 'POST',
          path: call.path,
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'meridian-deadline-ms': String(timeoutMs),
            ...call.headers,
          },
          body: JSON.stringify(call.body),
          signal: AbortSignal.timeout(timeoutMs + replyMs),
        });
        const text = await reply.body.text();
        return reply.statusCode < 400
          ? {
              kind: 'answered',
              body: JSON.parse(text) as unknown,
              token: headerOf(reply.headers, 'meridian-position'),
              servedBy: headerOf(reply.headers, 'meridian-served-by')?.split('/')[0] ?? null,
            }
          : { kind: 'refused', ...problemIn(text, reply.statusCode) };
      } catch (error) {
        return { kind: 'silent', detail: error instanceof Error ? error.message : String(error) };
      }
    },
    close: async () => pool.destroy(),
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

function headerOf(headers: Record<string, string | string[] | undefined>, name: string) {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

function problemIn(text: string, status: number): { code: string; detail: string } {
  try {
    const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown };
    if (typeof code === 'string') return { code, detail: String(detail ?? '') };
  } catch {
    // Not a problem document: the status has to do.
  }
  return { code: `HTTP ${String(status)}`, detail: text.slice(0, 200) };
}
