/** Interactive transactions of the router in a test: two regions without a replicator. */
import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { eventually } from './eventually.ts';
import { handView } from './hand-driven.ts';
import { RouterCluster, type Answer } from './router.ts';

export const idleTimeoutMs = 400;
export const openMax = 4;
let started: RouterCluster;

export function cluster(): RouterCluster {
  return started;
}

/** Registers the hooks of a test file: the cluster runs while its tests do. */
export function useCluster(): void {
  before(async () => {
    started = await RouterCluster.start({
      regions: ['eu-west', 'us-east'],
      router: {
        holdMs: 500,
        transactions: {
          idleTimeoutMs,
          openMax,
          openMaxPerCaller: 3,
          lifetimeMsMax: 4000,
          drainMs: 50,
        },
      },
    });
    const sql = 'CREATE TABLE public.t (id int PRIMARY KEY, v text)';
    const made = await started.query('eu-west', sql, { durability: 'async' });
    assert.equal(made.status, 200, made.text);
  });

  after(async () => {
    await started?.stop();
  });

  beforeEach(async () => {
    for (const id of ['eu-west', 'us-east']) {
      const region = started.region(id).id;
      const primary = started.region('eu-west').id;
      started.region(id).control.set(handView(started.cluster, { region, primary }));
    }
    await nothingOpen();
  });
}

/** A call of the transaction in `path`, async: nobody gates commits here. */
export function call(path: string, body: unknown = {}, options: Options = {}): Promise<Answer> {
  const { region = 'eu-west', headers = {} } = options;
  const all = { 'meridian-durability': 'async', ...headers };
  return started.post(region, `/v1/transactions${path}`, { body, headers: all });
}

export interface Options {
  readonly region?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function begin(body: unknown = {}, options: Options = {}): Promise<string> {
  const answer = await call('', body, options);
  assert.equal(answer.status, 201, answer.text);
  const id = String(answer.body['id']);
  assert.equal(answer.headers.get('location'), `/v1/transactions/${id}`);
  assert.equal(answer.body['idleTimeoutMs'], idleTimeoutMs);
  return `/${id}`;
}

export async function query(
  id: string,
  sql: string,
  params: readonly unknown[] = [],
): Promise<Answer> {
  return call(`${id}/query`, { sql, params });
}

export async function countOf(where: string): Promise<string> {
  const [row] = await started.sql('eu-west', `SELECT count(*) AS n FROM public.t WHERE ${where}`);
  return row?.['n'] ?? '';
}

export function codeOf({ body }: Answer): string {
  return `${String(body['code'])} ${String(body['sqlstate'] ?? '')}`.trim();
}

/** No transaction is left open, no lock held, in PostgreSQL and in the router. */
export async function nothingOpen(): Promise<void> {
  await eventually(async () => {
    const rows = await started.sql(
      'eu-west',
      `SELECT state, query FROM pg_stat_activity
        WHERE application_name = 'meridian-router' AND state <> 'idle'`,
    );
    return rows.length === 0;
  });
  const text = await started.region('eu-west').metrics.registry.metrics();
  assert.match(text, /^meridian_router_open_transactions 0$/m);
}
