/** Serves a read from one of the region's nodes, or says that none can. */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { judgeToken } from '../../../shared/core/consistency.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { comparePositions, laterPosition, type Position } from '../../../shared/core/position.ts';
import { isMeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataRequest } from '../../../shared/ports/data-access.ts';
import { keptRows, type RouterConfig } from '../config.ts';
import { slowStartShare } from '../core/node-health.ts';
import { isPrimaryNode, positionOfLook } from '../core/node-position.ts';
import { decideReadWait } from '../core/read-wait.ts';
import { chooseReplica, initialChoiceState, type Candidate } from '../core/replica-choice.ts';
import { stalenessOf } from '../core/staleness.ts';
import type { NodePools } from './node-pools.ts';
import type { NodeFacts, NodeWatcher } from './node-watcher.ts';
import type { RequestPlan } from './request-plan.ts';
import type { ReadOutcome, ReadRunner } from './sql/read-runner.ts';

export interface ReplicaReadsOptions {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly pools: NodePools;
  readonly watcher: NodeWatcher;
  readonly reader: ReadRunner;
}

export type ReplicaServed =
  | {
      readonly kind: 'served';
      readonly node: NodeId;
      readonly outcome: ReadOutcome;
      readonly stalenessMs: number | null;
    }
  /** The primary's own node was chosen: it is read with the primary's checks. */
  | { readonly kind: 'primary-node' }
  | { readonly kind: 'nobody'; readonly why: string };

export class ReplicaReads {
  readonly #options: ReplicaReadsOptions;
  #choice = initialChoiceState;
  #known: Position | null = null;

  constructor(options: ReplicaReadsOptions) {
    this.#options = options;
  }

  /** A reply went out with this position: it exists. */
  noteKnown(position: Position): void {
    this.#known = this.#known === null ? position : laterPosition(this.#known, position);
  }

  /** Throws what the statement itself causes (StatementFailed, ReadWrites, DeadlineExceeded). */
  async read(
    request: DataRequest,
    view: () => ClusterView,
    plan: Pick<RequestPlan, 'touchesSession' | 'isRepeated'>,
  ): Promise<ReplicaServed> {
    const tried = new Set<NodeId>();
    const startedMs = this.#options.clock.monotonicMs();
    for (;;) {
      const eligible = this.#eligible(request, view(), tried);
      if (eligible.length === 0) {
        const waited = await this.#wait(request, view, { tried, startedMs });
        if (waited !== null) return { kind: 'nobody', why: waited };
        continue;
      }
      const node = this.#choose(eligible, view());
      if (node === null) return { kind: 'nobody', why: 'no node was chosen' };
      if (isPrimaryNode(node, view())) return { kind: 'primary-node' };
      const served = await this.#readAt(node, request, { view: view(), plan });
      if (served !== null) return served;
      tried.add(node);
    }
  }

  /** Null when the node turned out to be of no use for this request. */
  async #readAt(
    node: NodeId,
    request: DataRequest,
    known: {
      readonly view: ClusterView;
      readonly plan: Pick<RequestPlan, 'touchesSession' | 'isRepeated'>;
    },
  ): Promise<ReplicaServed | null> {
    const { reader, watcher, config, clock } = this.#options;
    const sentAtMs = clock.monotonicMs();
    let outcome: ReadOutcome;
    try {
      const kept = keptRows(config.limits);
      const { touchesSession, isRepeated } = known.plan;
      outcome = await reader.run({ request, node, touchesSession, isRepeated, kept });
    } catch (error) {
      if (!isMeridianError(error, 'ReplicaUnavailable')) throw error;
      if (error.details['isCollision'] !== true) watcher.ruleOut(node, messageOf(error));
      return null;
    }
    const at = positionOfLook(outcome.before, known.view);
    const freshAtMs = at === null ? null : watcher.freshAt(at.position);
    const stalenessMs = stalenessOf(freshAtMs, sentAtMs);
    if (at !== null && isSatisfied(request, at.position, known.view)) {
      if (isFreshEnough(request, stalenessMs))
        return { kind: 'served', node, outcome, stalenessMs };
    }
    outcome.rest?.close();
    return null;
  }

  #eligible(request: DataRequest, view: ClusterView, tried: ReadonlySet<NodeId>): NodeFacts[] {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#usable(view, tried).filter(
      ({ at, freshAtMs }) =>
        at !== null &&
        isSatisfied(request, at.position, view) &&
        isFreshEnough(request, stalenessOf(freshAtMs, nowMs)),
    );
  }

  /** Healthy nodes of the region that show a prefix of the history. */
  #usable(view: ClusterView, tried: ReadonlySet<NodeId>): NodeFacts[] {
    return this.#options.watcher
      .nodes()
      .filter(
        ({ id, health, look }) =>
          !tried.has(id) &&
          health.kind === 'healthy' &&
          look !== null &&
          (look.isInRecovery || id === view.node),
      );
  }

  /** Null when it is worth looking again, else why it is not. */
  async #wait(
    request: DataRequest,
    view: () => ClusterView,
    so: { readonly tried: ReadonlySet<NodeId>; readonly startedMs: number },
  ): Promise<string | null> {
    const { config, clock, watcher } = this.#options;
    const { token } = request;
    if (request.consistency.level !== 'session' || token === null) {
      return 'no node of the region is healthy and fresh enough';
    }
    const nowMs = clock.monotonicMs();
    const usable = this.#usable(view(), so.tried);
    const best = highest(usable);
    const newest = watcher.newestProven();
    for (const position of [best, newest]) if (position !== null) this.noteKnown(position);
    const decision = decideReadWait({
      token,
      best,
      known: this.#known,
      lagMs: lagOf(usable, nowMs),
      waitedMs: nowMs - so.startedMs,
      waitMsMax: config.reads.sessionWaitMs,
      leftMs: request.deadlineMs - nowMs,
    });
    if (decision.kind === 'primary') return decision.why;
    const isReached = (): boolean => this.#eligible(request, view(), so.tried).length > 0;
    return (await watcher.waitUntil(isReached, decision.ms)) ? null : 'no node reached the token';
  }

  #choose(eligible: readonly NodeFacts[], view: ClusterView): NodeId | null {
    const { config, pools, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const candidates = eligible.map(({ id, health, latencyMs }): Candidate => {
      const weight = config.reads.weights[id] ?? (isPrimaryNode(id, view) ? 0 : 1);
      const share = slowStartShare(health, nowMs, config.health);
      return { id, weight: weight * share, inFlight: pools.inFlight(id), latencyMs };
    });
    const { state, choice } = chooseReplica(this.#choice, candidates, config.reads.algorithm);
    this.#choice = state;
    return choice;
  }
}

/** Only session reads wait for their token; a lost one was refused before. */
function isSatisfied(request: DataRequest, at: Position, view: ClusterView): boolean {
  const { token, consistency } = request;
  if (token === null || consistency.level !== 'session') return true;
  return judgeToken(token, at, view.history) === 'satisfied';
}

function isFreshEnough({ consistency }: DataRequest, stalenessMs: number | null): boolean {
  if (consistency.level !== 'bounded') return true;
  return stalenessMs !== null && stalenessMs <= consistency.maxStalenessMs;
}

function highest(nodes: readonly NodeFacts[]): Position | null {
  const positions = nodes.flatMap(({ at }) => (at === null ? [] : [at.position]));
  return positions.toSorted((a, b) => comparePositions(b, a))[0] ?? null;
}

function lagOf(nodes: readonly NodeFacts[], nowMs: number): number | null {
  const ages = nodes.flatMap(({ freshAtMs }) => (freshAtMs === null ? [] : [nowMs - freshAtMs]));
  return ages.length === 0 ? null : Math.min(...ages);
}
