/**
 * Connections to the region's PostgreSQL nodes: bounded per node and per PostgreSQL role, with a
 * bounded queue. A connection is lent to one request at a time and comes back clean or not at all.
 */
import type { NodeId } from '../../../shared/core/node.ts';
import { MeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import { connectPg, ownSessionOptions, type PgTarget } from '../../../shared/pg/client.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RouterConfig } from '../config.ts';
import type { PgClient } from './sql/exchange.ts';
import { forgetPrepared } from './sql/prepared-statements.ts';

export type NodeTarget = Omit<PgTarget, 'applicationName' | 'options' | 'connectTimeoutMs'>;

export interface Lent {
  readonly client: PgClient;
  /** `keep`: idle and clean; `reset`: to be cleaned by DISCARD ALL; `drop`: closed. */
  giveBack(state: 'keep' | 'reset' | 'drop'): void;
}

/**
 * Without BEGIN, what one exchange holds is a transaction of its own: read-only and of one
 * snapshot by these settings. Whatever writes says so in its BEGIN.
 */
const sessionOptions =
  `${ownSessionOptions} -c default_transaction_read_only=on ` +
  `-c default_transaction_isolation=repeatable\\ read`;

interface Waiter {
  readonly role: string;
  readonly resolve: (client: PgClient | null) => void;
  readonly reject: (error: MeridianError) => void;
}

interface IdleClient {
  readonly client: PgClient;
  readonly role: string;
  readonly sinceMs: number;
}

interface Pool {
  readonly target: NodeTarget;
  readonly idle: IdleClient[];
  readonly waiting: Waiter[];
  /** Lent and being made, by PostgreSQL role. */
  readonly busy: Map<string, number>;
}

export class NodePools {
  readonly #config: RouterConfig['pools'];
  readonly #clock: Clock;
  readonly #pools: ReadonlyMap<NodeId, Pool>;
  /** Connections that the server or the network has ended. */
  readonly #ended = new WeakSet<PgClient>();
  #isClosed = false;

  constructor(
    targets: ReadonlyMap<NodeId, NodeTarget>,
    config: RouterConfig['pools'],
    clock: Clock,
  ) {
    this.#config = config;
    this.#clock = clock;
    const empty = (target: NodeTarget): Pool => ({
      target,
      idle: [],
      waiting: [],
      busy: new Map(),
    });
    this.#pools = new Map([...targets].map(([id, target]) => [id, empty(target)]));
  }

  /** Requests that hold a connection to `node`. */
  inFlight(node: NodeId): number {
    const pool = this.#pools.get(node);
    return pool === undefined ? 0 : totalOf(pool.busy);
  }

  /**
   * A connection to `node` for a request of `role`, until monotonic `deadlineMs`. Throws
   * ReplicaUnavailable when none can be made, DeadlineExceeded or RateLimited when the queue is
   * too long.
   */
  async borrow(node: NodeId, role: string, deadlineMs: number): Promise<Lent> {
    const pool = this.#pools.get(node);
    if (pool === undefined || this.#isClosed) {
      throw new MeridianError('ReplicaUnavailable', `There is no pool for ${node}.`);
    }
    if (!this.#hasRoom(pool, role)) {
      const handed = await this.#queue(pool, { node, role, deadlineMs });
      if (handed !== null) return this.#lend(pool, role, handed);
      return this.#open(pool, role, node);
    }
    count(pool.busy, role, 1);
    const idle = takeIdle(pool, role);
    return idle === null ? this.#open(pool, role, node) : this.#lend(pool, role, idle);
  }

  /** Ends what runs on a lent connection, which must not be a COMMIT, and closes it. */
  async cancel(node: NodeId, lent: Lent): Promise<void> {
    const pid: unknown = Reflect.get(lent.client, 'processID');
    try {
      const other = await this.borrow(node, 'none', this.#clock.monotonicMs() + 1000);
      await other.client.query('SELECT pg_cancel_backend($1)', [pid]).then(
        () => other.giveBack('keep'),
        () => other.giveBack('drop'),
      );
    } finally {
      lent.giveBack('drop');
    }
  }

  /** Closes every idle connection to `node`: what they are connected to has changed its role. */
  dropIdle(node: NodeId): void {
    const pool = this.#pools.get(node);
    for (const { client } of pool?.idle.splice(0) ?? []) end(client);
  }

  /** Who waits for a connection to `node` gets ReplicaUnavailable: it is no longer the one. */
  turnAway(node: NodeId): void {
    const message = `${node} is no longer the node to ask.`;
    for (const waiter of this.#pools.get(node)?.waiting.splice(0) ?? []) {
      waiter.reject(new MeridianError('ReplicaUnavailable', message));
    }
  }

  /** Closes connections that were idle for longer than the configured time. */
  trim(): void {
    const oldestMs = this.#clock.monotonicMs() - this.#config.idleTimeoutMs;
    for (const pool of this.#pools.values()) {
      const old = pool.idle.filter(({ sinceMs }) => sinceMs < oldestMs);
      for (const { client } of old) end(client);
      const kept = pool.idle.filter(({ sinceMs }) => sinceMs >= oldestMs);
      pool.idle.splice(0, pool.idle.length, ...kept);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const [node, pool] of this.#pools) {
      this.dropIdle(node);
      for (const { resolve } of pool.waiting.splice(0)) resolve(null);
    }
  }

  #hasRoom(pool: Pool, role: string): boolean {
    return (
      totalOf(pool.busy) < this.#config.connectionsMax &&
      (pool.busy.get(role) ?? 0) < this.#config.connectionsMaxPerRole
    );
  }

  /** Waits for room; the place is counted as busy when this resolves. */
  async #queue(
    pool: Pool,
    request: { readonly node: NodeId; readonly role: string; readonly deadlineMs: number },
  ): Promise<PgClient | null> {
    if (pool.waiting.length >= this.#config.queueMax) {
      const details = { retryAfterMs: this.#config.queueTimeoutMs };
      throw new MeridianError(
        'RateLimited',
        `Too many requests wait for ${request.node}.`,
        details,
      );
    }
    const leftMs = request.deadlineMs - this.#clock.monotonicMs();
    const boundMs = Math.max(1, Math.min(this.#config.queueTimeoutMs, leftMs));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pool.waiting.splice(pool.waiting.indexOf(waiter), 1);
        const message = `No connection to ${request.node} came free in ${Math.round(boundMs)} ms.`;
        const code = leftMs <= boundMs ? 'DeadlineExceeded' : 'RateLimited';
        reject(new MeridianError(code, message, { retryAfterMs: 100 }));
      }, boundMs);
      const waiter: Waiter = {
        role: request.role,
        resolve: (client) => {
          clearTimeout(timer);
          resolve(client);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      pool.waiting.push(waiter);
    });
  }

  async #open(pool: Pool, role: string, node: NodeId): Promise<Lent> {
    try {
      const client = await connectPg({
        ...pool.target,
        applicationName: 'meridian-router',
        options: sessionOptions,
        connectTimeoutMs: this.#config.connectTimeoutMs,
      });
      client.once('end', () => {
        const index = pool.idle.findIndex((idle) => idle.client === client);
        if (index >= 0) pool.idle.splice(index, 1);
        this.#ended.add(client);
      });
      return this.#lend(pool, role, client);
    } catch (error) {
      count(pool.busy, role, -1);
      this.#admitNext(pool);
      const facts = { node, why: messageOf(error) };
      throw new MeridianError('ReplicaUnavailable', `${node} takes no connection.`, facts, error);
    }
  }

  #lend(pool: Pool, role: string, client: PgClient): Lent {
    let isOut = true;
    const giveBack: Lent['giveBack'] = (state) => {
      if (!isOut) return;
      isOut = false;
      if (state === 'reset' && !this.#isClosed) {
        forgetPrepared(client);
        client.query('DISCARD ALL').then(
          () => this.#takeBack(pool, role, client),
          () => this.#lose(pool, role, client),
        );
      } else if (state === 'keep' && !this.#isClosed) {
        this.#takeBack(pool, role, client);
      } else {
        this.#lose(pool, role, client);
      }
    };
    return { client, giveBack };
  }

  #takeBack(pool: Pool, role: string, client: PgClient): void {
    if (this.#ended.has(client)) {
      this.#lose(pool, role, client);
      return;
    }
    count(pool.busy, role, -1);
    pool.idle.push({ client, role, sinceMs: this.#clock.monotonicMs() });
    this.#admitNext(pool);
  }

  #lose(pool: Pool, role: string, client: PgClient): void {
    end(client);
    count(pool.busy, role, -1);
    this.#admitNext(pool);
  }

  /** Gives the free place to the first waiter whose role may take it. */
  #admitNext(pool: Pool): void {
    const index = pool.waiting.findIndex(({ role }) => this.#hasRoom(pool, role));
    const waiter = index < 0 ? undefined : pool.waiting.splice(index, 1)[0];
    if (waiter === undefined) return;
    count(pool.busy, waiter.role, 1);
    waiter.resolve(takeIdle(pool, waiter.role));
  }
}

/** The idle connection used last: one of `role` if there is one, any other else. */
function takeIdle(pool: Pool, role: string): PgClient | null {
  const own = pool.idle.findLastIndex((idle) => idle.role === role);
  const taken = pool.idle.splice(own < 0 ? pool.idle.length - 1 : own, 1)[0];
  return taken?.client ?? null;
}

function count(busy: Map<string, number>, role: string, by: number): void {
  const next = (busy.get(role) ?? 0) + by;
  if (next <= 0) busy.delete(role);
  else busy.set(role, next);
}

function totalOf(busy: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const number of busy.values()) total += number;
  return total;
}

function end(client: PgClient): void {
  void client.end().catch(() => undefined);
}
