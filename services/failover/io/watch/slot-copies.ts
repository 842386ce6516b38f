/**
 * Has the standbys copy the slot of an epoch soon after it was made: one that is promoted without
 * it cannot say what it held, and may not go on with the epoch. PostgreSQL copies slots by itself
 * (manual, "Replication Slot Synchronization"), but not before the slot has moved past what the
 * standby began with, which takes a snapshot in the WAL, written every 15 s; and while it waits it
 * looks less and less often, every 30 s in the end. Both can be asked for.
 */
import type { NodeId } from '../../../../shared/core/node.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { NodeConnection, type NodeAccess } from '../node-connection.ts';

/** As a rule the first request is enough; one that cannot be met is repeated ever less often. */
const [everyMs, mostMs] = [500, 30_000];
const boundMs = 2000;

const slotsOf = `SELECT slot_name AS name FROM pg_replication_slots
  WHERE slot_type = 'logical' AND slot_name ~ '^meridian_[0-9]+$'`;

export class SlotCopies {
  readonly #access: NodeAccess;
  readonly #nodes: () => readonly NodeState[];
  readonly #connections = new Map<NodeId, NodeConnection>();

  constructor(access: NodeAccess, nodes: () => readonly NodeState[]) {
    this.#access = access;
    this.#nodes = nodes;
  }

  async run(signal: AbortSignal): Promise<void> {
    let waitMs = everyMs;
    while (!signal.aborted) {
      // A node that does not answer is asked again.
      const isBehind = await this.#look().catch(() => false);
      waitMs = isBehind ? Math.min(2 * waitMs, mostMs) : everyMs;
      await sleep(waitMs, signal);
    }
    for (const connection of this.#connections.values()) connection.close();
  }

  /** Whether a standby lacked a slot, and was asked for its copy. */
  async #look(): Promise<boolean> {
    const running = this.#nodes().filter(({ process }) => process === 'running');
    const source = running.find(({ mode }) => mode === 'normal');
    const standbys = running.filter(({ mode }) => mode === 'standby');
    if (source === undefined || standbys.length === 0) return false;
    const made = await this.#names(source, `${slotsOf} AND failover`);
    const behind: NodeState[] = [];
    for (const standby of made.length === 0 ? [] : standbys) {
      const copied = await this.#names(standby, `${slotsOf} AND synced AND NOT temporary`);
      if (made.some((name) => !copied.includes(name))) behind.push(standby);
    }
    if (behind.length === 0) return false;
    await this.#names(source, 'SELECT pg_log_standby_snapshot()::text AS name');
    for (const standby of behind) {
      // It wakes the process that copies.
      await this.#names(standby, 'SELECT pg_reload_conf()::text AS name');
    }
    return true;
  }

  async #names(node: NodeState, sql: string): Promise<readonly string[]> {
    const connection =
      this.#connections.get(node.id) ?? new NodeConnection(this.#access, 'meridian-slot-copies');
    this.#connections.set(node.id, connection);
    const place = { host: node.host, port: node.port };
    const { rows } = await connection.run(place, boundMs, (client) =>
      client.query<{ name: string }>(sql),
    );
    return rows.map(({ name }) => name);
  }
}
