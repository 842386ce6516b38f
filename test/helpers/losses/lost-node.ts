/** A node of a test cluster that is lost with commits of its own, and what becomes of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { ownSessionOptions, withPg } from '../../../shared/pg/client.ts';
import { childrenOf } from '../../fault/run/nemesis.ts';
import type { TestCluster } from '../cluster.ts';
import { eventually } from '../eventually.ts';

const settledMs = { deadlineMs: 90_000, intervalMs: 100 };

export interface Tail {
  readonly region: string;
  readonly node: string | null;
  readonly epoch: number;
  readonly rows: number;
  readonly transactions: number;
  readonly isListed: boolean;
  readonly why: string | null;
}

export interface LostNode {
  readonly id: string;
  readonly pid: number;
  readonly region: string;
  /** Before it was lost. */
  readonly epoch: number;
}

export class NodeLosses {
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async write(sql: string, durability = 'semi-sync'): Promise<void> {
    const { status, body } = await this.#cluster.query(this.#any(), sql, { durability });
    assert.equal(status, 200, JSON.stringify(body));
  }

  async primary(): Promise<{ readonly primary: string; readonly epoch: number }> {
    const asked = this.#cluster.admin(this.#any(), '/admin/regions');
    const answer: Record<string, unknown> = await asked.catch(() => ({}));
    return { primary: String(answer['primary']), epoch: Number(answer['epoch']) };
  }

  /** The primary's node is cut off, `writes` are confirmed `async` there alone, and it hangs. */
  async lose(...writes: readonly string[]): Promise<LostNode> {
    const { primary: region, epoch } = await this.primary();
    const { id, pid, port } = await this.node(region);
    await this.#cutOff(region, port, epoch);
    for (const sql of writes) await this.write(sql, 'async');
    freeze(pid);
    return { id, pid, region, epoch };
  }

  /** The node of a region that takes writes or applies the log. */
  async node(region: string): Promise<{ id: string; pid: number; port: number }> {
    const { nodes, processes } = await this.#cluster.agentState(region);
    const id = nodes.find(({ mode }) => mode === 'normal')?.id ?? '';
    const pid = processes.find(({ name }) => id.endsWith(`/${name}`))?.pid ?? null;
    const port = this.#cluster.region(region).nodes.find((one) => one.id === id)?.port;
    assert.ok(pid !== null && port !== undefined);
    return { id, pid, port };
  }

  /** Whether another node than `id` is the region's now. */
  async isReplaced({ region, id }: Pick<LostNode, 'region' | 'id'>): Promise<boolean> {
    const { nodes } = await this.#cluster.agentState(region);
    return nodes.some((one) => one.id !== id && one.mode === 'normal');
  }

  async mode({ region, id }: Pick<LostNode, 'region' | 'id'>): Promise<string | null> {
    const { nodes } = await this.#cluster.agentState(region);
    const node = nodes.find((one) => one.id === id);
    return node?.process === 'running' ? node.mode : null;
  }

  async untilEpochAfter(epoch: number): Promise<void> {
    await eventually(async () => (await this.primary()).epoch > epoch, settledMs);
  }

  async untilIts(mode: string, node: Pick<LostNode, 'region' | 'id'>): Promise<void> {
    await eventually(async () => (await this.mode(node)) === mode, settledMs);
  }

  /** What is listed of `lost`, the same in every region. */
  async listed(lost: LostNode): Promise<Tail> {
    const found = new Map<string, Tail>();
    for (const region of this.#cluster.regionIds) {
      await eventually(async () => {
        const tails = (await this.tails(region)).filter((one) => one.epoch === lost.epoch + 1);
        assert.ok(tails.length <= 1, JSON.stringify(tails));
        for (const tail of tails) found.set(JSON.stringify(tail), tail);
        return tails.length > 0;
      });
    }
    const [tail] = found.values();
    assert.ok(tail !== undefined && found.size === 1, [...found.keys()].join());
    assert.deepEqual([tail.region, tail.node], [lost.region, lost.id]);
    return tail;
  }

  async tails(asked: string): Promise<readonly Tail[]> {
    const { items } = await this.#cluster.admin(asked, '/admin/diverged');
    return (items ?? []) as readonly Tail[];
  }

  async rows({ id, epoch }: LostNode, asked: string): Promise<Record<string, unknown>[]> {
    const path = `/admin/diverged/${id}/${String(epoch + 1)}`;
    return (await this.#cluster.admin(asked, path))['items'] as Record<string, unknown>[];
  }

  foldersAside({ region, id }: Pick<LostNode, 'region' | 'id'>): number {
    const { postgresFolder } = localRegionPaths(this.#cluster.stateFolder, region);
    const name = `${id.split('/')[1] ?? ''}.aside-`;
    return readdirSync(postgresFolder).filter((one) => one.startsWith(name)).length;
  }

  /** Freezes what sends the node's WAL: neither its standby nor the log hears of what follows. */
  async #cutOff(region: string, port: number, epoch: number): Promise<void> {
    const standby = this.#cluster.region(region).nodes.find((one) => one.port !== port);
    assert.ok(standby !== undefined);
    // Without its slot a promoted standby leaves the role to another region.
    const slot = `SELECT slot_name FROM pg_replication_slots
      WHERE slot_name = 'meridian_${String(epoch)}' AND synced AND NOT temporary`;
    const isSynced = async (): Promise<boolean> =>
      (await this.#ask(region, standby.port, slot)).length === 1;
    await eventually(() => isSynced().catch(() => false), settledMs);
    const sender = 'SELECT pid FROM pg_stat_replication';
    await eventually(async () => (await this.#ask(region, port, sender)).length === 2, settledMs);
    for (const pid of await this.#ask(region, port, sender)) process.kill(Number(pid), 'SIGSTOP');
  }

  /** The first column of what `sql` finds on a node. */
  #ask(region: string, port: number, sql: string): Promise<readonly string[]> {
    const { postgres } = this.#cluster.secrets(region).shared;
    const owner = { user: 'meridian_owner', password: postgres.owner, applicationName: 'test' };
    const { database } = this.#cluster.config;
    const place = { host: this.#cluster.region(region).bind, port, database };
    return withPg({ ...place, ...owner, options: ownSessionOptions }, async (client) => {
      const { rows } = await client.query<Record<string, string>>(sql);
      return rows.map((row) => Object.values(row)[0] ?? '');
    });
  }

  #any(): string {
    return this.#cluster.regionIds[1] ?? '';
  }
}

/** Stops a server with all its processes, so that it answers nobody. */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  for (const child of childrenOf(pid)) process.kill(child, 'SIGSTOP');
}
