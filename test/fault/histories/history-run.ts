/** Sessions and keyed writes in every region of a cluster, and what disturbs them. */
import assert from 'node:assert/strict';
import { withPg } from '../../../shared/pg/client.ts';
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { KeyedLoad, keyedTable } from './keyed-load.ts';
import { cellTable, SessionLoad } from './session-load.ts';

const boundMs = 1000;

export class HistoryRun {
  readonly load: SessionLoad;
  readonly keyed: KeyedLoad;
  readonly #cluster: TestCluster;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    const origins = new Map(cluster.regionIds.map((id) => [id, cluster.origin(id)]));
    const token = () => cluster.token('data:write');
    const { fetch } = cluster.listeners;
    this.load = new SessionLoad({ origins, token, fetch, sessions: 16, boundMs });
    this.keyed = new KeyedLoad({ origins: [...origins.values()], token, fetch, writers: 2 });
  }

  static async start(cluster: TestCluster): Promise<HistoryRun> {
    const run = new HistoryRun(cluster);
    for (const sql of [...cellTable, keyedTable, run.load.fillSql]) {
      const primary = await run.primaryNow();
      const { status, body } = await cluster.query(primary, sql, { durability: 'sync' });
      assert.equal(status, 200, JSON.stringify(body));
    }
    run.#running = Promise.all([run.load.run(), run.keyed.run()]);
    run.#running.catch(() => undefined);
    return run;
  }

  /** Rejects with what was no typed error. */
  async stop(): Promise<void> {
    this.load.stop();
    this.keyed.stop();
    await this.#running;
  }

  /** What the first region that answers says. */
  primaryNow(): Promise<string> {
    return eventually(
      async () => {
        for (const id of this.load.regions) {
          const view = await this.#cluster.admin(id, '/admin/regions').catch(() => null);
          if (typeof view?.['primary'] === 'string') return view['primary'];
        }
        return null;
      },
      { deadlineMs: 60_000 },
    );
  }

  async aReplica(): Promise<string> {
    const primary = await this.primaryNow();
    return this.load.regions.find((id) => id !== primary) ?? '';
  }

  /** Resolves once session reads go on: at least `count` more of them. */
  async moreReads(count: number): Promise<void> {
    const { counts } = this.load;
    const from = counts.sessionReads;
    const deadlineMs = 120_000 + 20 * count;
    await eventually(() => counts.sessionReads >= from + count, { deadlineMs });
  }

  /** A replica falls behind and catches up, again and again. */
  async swingLag(): Promise<void> {
    const { bind, nodes } = this.#cluster.region(await this.aReplica());
    const target = {
      ...{ host: bind, port: nodes[0]?.port ?? 0, database: this.#cluster.config.database },
      ...{ user: 'meridian_owner', applicationName: 'test' },
      password: this.#cluster.secrets(this.#cluster.regionIds[0] ?? '').shared.postgres.owner,
    };
    await withPg(target, async (client) => {
      for (let n = 0; n < 3; n += 1) {
        await client.query('BEGIN');
        await client.query('LOCK TABLE history.cell IN SHARE MODE');
        await this.moreReads(300);
        await client.query('COMMIT');
        await this.moreReads(100);
      }
    });
  }

  async killStandby(): Promise<void> {
    await this.#cluster.signal(await this.aReplica(), 'pg-2', 'SIGKILL');
    await this.moreReads(500);
  }

  async switchOver(): Promise<void> {
    const [from, to] = [await this.primaryNow(), await this.aReplica()];
    const asked = await this.#cluster.admin(to, `/admin/regions/${from}/failover`, { to });
    assert.equal(asked['httpStatus'], 202, JSON.stringify(asked));
    await this.#primaryMoved(from);
  }

  /** Resolves when another region is primary; the lost one stays lost. */
  async losePrimary(): Promise<void> {
    const from = await this.primaryNow();
    this.load.regions = this.load.regions.filter((id) => id !== from);
    await this.#cluster.killRegion(from);
    await this.#primaryMoved(from);
  }

  /** Starts what is lost. */
  async recover(): Promise<void> {
    await this.#cluster.up();
    this.load.regions = this.#cluster.regionIds;
    await this.moreReads(5000);
  }

  /** Another region than `before` is primary, and writes are confirmed again. */
  async #primaryMoved(before: string): Promise<void> {
    await eventually(async () => (await this.primaryNow()) !== before, { deadlineMs: 60_000 });
    const { counts } = this.load;
    const from = counts.writes;
    await eventually(() => counts.writes > from + 10, { deadlineMs: 120_000 });
  }

  /** What is wrong with the keyed writes; the last keys are enough for the outcomes. */
  async judgeKeyed(): Promise<string[]> {
    const { confirmed, unanswered } = this.keyed;
    const outcomes = new Map<string, string>();
    for (const [index, key] of [...unanswered, ...[...confirmed].slice(-50)].entries()) {
      const region = this.load.regions[index % this.load.regions.length] ?? '';
      outcomes.set(key, await this.#outcomeOf(region, key));
    }
    return this.keyed.judge(await this.#keyedRows(), outcomes);
  }

  /** How often each key is there. */
  async #keyedRows(): Promise<ReadonlyMap<string, number>> {
    const rows = new Map<string, number>();
    const primary = await this.primaryNow();
    const sql = 'SELECT key, count(*)::int AS n FROM history.keyed WHERE key = ANY($1) GROUP BY 1';
    const all = [...this.keyed.unanswered, ...this.keyed.confirmed];
    for (let at = 0; at < all.length; at += 5000) {
      const params = [`{${all.slice(at, at + 5000).join(',')}}`];
      const options = { params, consistency: 'strong' };
      const { body } = await this.#cluster.query(primary, sql, options);
      for (const { key, n } of body.rows ?? []) rows.set(String(key), Number(n));
    }
    return rows;
  }

  async #outcomeOf(region: string, key: string): Promise<string> {
    const url = `${this.#cluster.origin(region)}/v1/idempotency/${key}`;
    const reply = await this.#cluster.listeners.fetch(url, {
      headers: { authorization: `Bearer ${await this.#cluster.token('data:write')}` },
    });
    const { outcome } = (await reply.json()) as { readonly outcome?: string };
    return outcome ?? `status ${reply.status}`;
  }
}
