/**
 * Writes and strong reads without a pause, as clients of several regions: one whose gateway takes
 * no connection, or gives one up before its handshake, or says that it did nothing and another one
 * should be asked, goes to the next, as a balancer would send it. Whatever else fails is kept. One
 * of the clients keeps a session of HTTP/2, the others open a connection for each request.
 */
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import type { SecuredHosts } from '../security/hosts.ts';
import { Http2Client } from './http2-client.ts';

export interface SteadyLoad {
  /** How many were answered so far. */
  served(): number;
  /** How often each region took no connection, for the record. */
  readonly moved: ReadonlyMap<string, number>;
  /** How many sessions of HTTP/2 a gateway has ended so far. */
  sessionsEnded(): number;
  /** Ends it; resolves with what failed. */
  stop(): Promise<readonly string[]>;
}

type Ask = (region: string, sql: string, consistency?: string) => Promise<unknown>;

/** Each client adds 1 to its own row of `counter (id int, n bigint)` and reads it back. */
export function startLoad(hosts: SecuredHosts, regions: readonly string[]): SteadyLoad {
  const stop = new AbortController();
  const failed: string[] = [];
  const moved = new Map<string, number>();
  let served = 0;
  const http2 = new Http2Client(hosts);
  const once: Ask = async (...call) => (await hosts.query(...call)).body;
  const overHttp2: Ask = (...call) => http2.query(...call);
  const clients = [...regions.map(() => once), overHttp2];
  const ask = async (at: number, sql: string, consistency?: string): Promise<unknown> => {
    for (let turn = 0; ; turn += 1) {
      const region = regions[(at + turn) % regions.length] ?? '';
      try {
        return await (clients[at] ?? once)(region, sql, consistency);
      } catch (error) {
        if (!isToMove(error) || turn > 100) throw error;
        moved.set(region, (moved.get(region) ?? 0) + 1);
      }
    }
  };
  const running = clients.map(async (_, at) => {
    const id = String(at);
    const name = at < regions.length ? `client ${id}` : 'client of HTTP/2';
    await ask(at, `INSERT INTO counter VALUES (${id}, 0)`);
    let written = 0;
    while (!stop.signal.aborted) {
      try {
        await ask(at, `UPDATE counter SET n = n + 1 WHERE id = ${id}`);
        written += 1;
        const body = await ask(at, `SELECT n FROM counter WHERE id = ${id}`, 'strong');
        const n = Number((body as { rows: { n: unknown }[] }).rows[0]?.n);
        if (n !== written) failed.push(`${name}: ${String(n)} instead of ${String(written)}`);
        served += 2;
      } catch (error) {
        const { cause } = error as { readonly cause?: unknown };
        failed.push(`${name}: ${String(error)} ${String(cause)}`);
      }
    }
  });
  return {
    served: () => served,
    moved,
    sessionsEnded: () => http2.ended,
    async stop() {
      stop.abort();
      await Promise.all(running);
      http2.close();
      return failed;
    },
  };
}

/** Nothing was done there, for certain. */
function isToMove(error: unknown): boolean {
  if (!isMeridianError(error)) return false;
  if (error.code === 'Draining') return true;
  return error.code === 'UpstreamUnavailable' && error.details['wasSent'] === false;
}
