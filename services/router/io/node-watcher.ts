/** Watches the region's nodes by SQL in the background: position, freshness, health, latency. */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { Position } from '../../../shared/core/position.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import { connectPg, ownSessionOptions } from '../../../shared/pg/client.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { sleep, withDeadline } from '../../../shared/runtime/sleep.ts';
import type { RouterConfig } from '../config.ts';
import {
  addProof,
  freshAtOf,
  type FreshnessProof,
  type FreshnessProofs,
} from '../core/freshness.ts';
import { initialNodeHealth, stepNodeHealth, type NodeHealth } from '../core/node-health.ts';
import {
  isOpenFor,
  positionOfLook,
  type NodeLook,
  type NodePosition,
} from '../core/node-position.ts';
import { runExchange, type PgClient } from './sql/exchange.ts';
import { lookStep, readLook } from './sql/node-look.ts';
import type { NodeTarget } from './node-pools.ts';

/** What is known of one node now. */
export interface NodeFacts {
  readonly id: NodeId;
  readonly health: NodeHealth;
  readonly look: NodeLook | null;
  readonly at: NodePosition | null;
  /** Proven monotonic time up to which everything confirmed is visible there. */
  readonly freshAtMs: number | null;
  readonly latencyMs: number;
  /** Monotonic time at which the last answered look was sent. */
  readonly lookedAtMs: number;
}

export interface WatcherOptions {
  readonly targets: ReadonlyMap<NodeId, NodeTarget>;
  readonly config: RouterConfig['health'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly view: () => ClusterView;
  /** Remaining lease of the own primary role in milliseconds. */
  readonly leaseLeftMs: () => number;
  /** The node's role has changed or it is gone: connections to it are of no use. */
  readonly onUnhealthy: (node: NodeId) => void;
}

interface Watched {
  look: NodeLook | null;
  lookedAtMs: number;
  health: NodeHealth;
  latencyMs: number;
}

/** Looks come this close together while a read waits for a position. */
const hurriedIntervalMs = 3;

export class NodeWatcher {
  readonly #options: WatcherOptions;
  readonly #watched: ReadonlyMap<NodeId, Watched>;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<() => void>();
  #loops: readonly Promise<void>[] = [];
  #proofs: FreshnessProofs = [];
  /** Facts of all nodes, as long as nothing has changed; every read asks for them. */
  #facts: { readonly view: ClusterView; readonly nodes: readonly NodeFacts[] } | null = null;
  #hurried = 0;
  #wake = new AbortController();

  constructor(options: WatcherOptions) {
    this.#options = options;
    const empty = (): Watched => ({
      look: null,
      lookedAtMs: 0,
      health: initialNodeHealth,
      latencyMs: 1,
    });
    this.#watched = new Map([...options.targets.keys()].map((id) => [id, empty()]));
  }

  start(): void {
    this.#loops = [...this.#options.targets].map(([id, target]) => this.#watch(id, target));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await Promise.all(this.#loops);
  }

  nodes(): readonly NodeFacts[] {
    const view = this.#options.view();
    if (this.#facts?.view === view) return this.#facts.nodes;
    const nodes = [...this.#watched].map(([id, { look, lookedAtMs, health, latencyMs }]) => {
      const at = look === null ? null : positionOfLook(look, view);
      const freshAtMs = at === null ? null : freshAtOf(at.position, this.#proofs);
      return { id, look, lookedAtMs, health, latencyMs, at, freshAtMs };
    });
    this.#facts = { view, nodes };
    return nodes;
  }

  /** Proven monotonic time up to which a node at `position` shows everything confirmed. */
  freshAt(position: Position): number | null {
    return freshAtOf(position, this.#proofs);
  }

  /** The highest position of which a proof is known. */
  newestProven(): Position | null {
    return this.#proofs.at(-1)?.position ?? null;
  }

  /** Another source of proofs: the replicator's report, a question to the primary region. */
  addProof(proof: FreshnessProof): void {
    this.#proofs = addProof(this.#proofs, proof);
    this.#facts = null;
  }

  /** Something learnt by a request: the node must not be used before it is checked again. */
  ruleOut(node: NodeId, why: string): void {
    const watched = this.#watched.get(node);
    if (watched === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    watched.health = stepNodeHealth(
      watched.health,
      { kind: 'ruledOut', nowMs, why },
      this.#options.config,
    );
    this.#facts = null;
    this.#options.onUnhealthy(node);
  }

  /** True once `isReached` holds after a look, false after `ms`. Looks are hurried meanwhile. */
  async waitUntil(isReached: () => boolean, ms: number): Promise<boolean> {
    if (isReached()) return true;
    this.#hurried += 1;
    this.#wake.abort();
    this.#wake = new AbortController();
    return new Promise((resolve) => {
      const finish = (outcome: boolean): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        this.#hurried -= 1;
        resolve(outcome);
      };
      const check = (): void => {
        if (isReached()) finish(true);
      };
      const timer = setTimeout(() => finish(isReached()), ms);
      this.#listeners.add(check);
    });
  }

  /** The view or the replicator's report has changed. */
  recheck(): void {
    for (const listener of this.#listeners) listener();
  }

  async #watch(id: NodeId, target: NodeTarget): Promise<void> {
    const { config, clock, logger } = this.#options;
    const { signal } = this.#stopping;
    let client: PgClient | null = null;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        client ??= await connectPg({
          ...target,
          applicationName: 'meridian-router-watch',
          options: ownSessionOptions,
          connectTimeoutMs: config.timeoutMs,
        });
        await this.#look(id, client);
      } catch (error) {
        if (client !== null) void client.end().catch(() => undefined);
        client = null;
        const why = messageOf(
          error instanceof Error && error.cause !== undefined ? error.cause : error,
        );
        this.#noteFailure(id, why);
        logger.debug({ node: id, why }, 'node check failed');
      }
      const restMs = this.#hurried > 0 ? hurriedIntervalMs : config.intervalMs;
      const wake = this.#wake.signal;
      const spentMs = clock.monotonicMs() - startedMs;
      if (!signal.aborted) await sleep(Math.max(1, restMs - spentMs), wake);
    }
    if (client !== null) void client.end().catch(() => undefined);
  }

  async #look(id: NodeId, client: PgClient): Promise<void> {
    const { clock, config, view } = this.#options;
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const sentAtMs = clock.monotonicMs();
    const reply = await withDeadline(
      runExchange(client, [lookStep]),
      config.timeoutMs,
      () => new Error(`no answer in ${config.timeoutMs} ms`),
    );
    const nowMs = clock.monotonicMs();
    const look = readLook(reply.results[0]);
    watched.look = look;
    watched.lookedAtMs = sentAtMs;
    watched.latencyMs += (nowMs - sentAtMs - watched.latencyMs) * 0.1;
    const wasUnhealthy = watched.health.kind === 'unhealthy';
    watched.health = stepNodeHealth(watched.health, { kind: 'answered', nowMs }, config);
    this.#facts = null;
    if (wasUnhealthy && watched.health.kind === 'healthy') {
      this.#options.logger.info({ node: id }, 'node is healthy again');
    }
    const at = positionOfLook(look, view());
    const isLeading = at?.isWal === true && isOpenFor(look, view());
    if (isLeading && this.#options.leaseLeftMs() > 0) {
      this.addProof({ position: at.position, freshAtMs: sentAtMs });
    }
    this.recheck();
  }

  #noteFailure(id: NodeId, why: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const { clock, config, logger } = this.#options;
    const input = { kind: 'failed', nowMs: clock.monotonicMs(), why } as const;
    const before = watched.health.kind;
    watched.health = stepNodeHealth(watched.health, input, config);
    this.#facts = null;
    if (before !== 'unhealthy' && watched.health.kind === 'unhealthy') {
      // Whatever comes back may be another server: its position is learnt anew.
      watched.look = null;
      this.#facts = null;
      logger.warn({ node: id, why }, 'node is taken out');
      this.#options.onUnhealthy(id);
    }
  }
}
