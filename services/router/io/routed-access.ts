/**
 * SQL as any front end asks for it: analyse, decide, run here, on a replica or in the primary
 * region, and decide afresh whenever the primary changes under way.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { formatPosition, laterPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { assertNever } from '../../../shared/core/assert.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataAccess, DataReply, DataRequest } from '../../../shared/ports/data-access.ts';
import { leaseRemainingMs, type RegionControl } from '../../../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import type { RouterConfig } from '../config.ts';
import { decideAccess } from '../core/access-decision.ts';
import { isOpenFor, positionOfLook } from '../core/node-position.ts';
import type { NodeWatcher } from './node-watcher.ts';
import type { PrimaryForwarder } from './primary-forwarder.ts';
import type { PrimaryPosition, ReplyPosition } from './primary-position.ts';
import { ReadWrites, type ReadOutcome, type ReadRunner } from './read-runner.ts';
import type { ReplicaReads } from './replica-reads.ts';
import { outcomeUnknown } from './sql-failure.ts';
import { summarise, writingPlan, type RequestPlan } from './request-plan.ts';
import type { StatementAnalysis } from './statement-analysis.ts';
import type { TransactionRunner } from './transaction-runner.ts';

export interface RoutedAccessOptions {
  readonly config: RouterConfig;
  readonly region: RegionId;
  /** Number of configured regions, for "held by n of m". */
  readonly regionCount: number;
  readonly clock: Clock;
  readonly control: RegionControl;
  readonly status: ReplicationStatus;
  readonly analysis: StatementAnalysis;
  readonly watcher: NodeWatcher;
  readonly replicas: ReplicaReads;
  readonly reader: ReadRunner;
  readonly writer: TransactionRunner;
  readonly positions: PrimaryPosition;
  readonly forwarder: PrimaryForwarder;
}

/** What a request has learnt on its way. */
interface Journey {
  plan: RequestPlan;
  isBeyondReplicas: boolean;
  /** Monotonic time since which it is held; null while it is not. */
  heldSinceMs: number | null;
}

export class RoutedAccess implements DataAccess {
  readonly #options: RoutedAccessOptions;

  constructor(options: RoutedAccessOptions) {
    this.#options = options;
  }

  async run(request: DataRequest): Promise<DataReply> {
    const plan = await summarise(this.#options.analysis, request);
    const journey: Journey = { plan, isBeyondReplicas: false, heldSinceMs: null };
    for (;;) {
      try {
        const reply = await this.#step(request, journey);
        if (reply !== null) return reply;
      } catch (error) {
        await this.#recover(error, request, journey);
      }
      if (this.#options.clock.monotonicMs() >= request.deadlineMs) {
        throw new MeridianError('DeadlineExceeded', 'The deadline passed; nothing was done.');
      }
    }
  }

  /** The reply, or null when the request is to be decided afresh. */
  async #step(request: DataRequest, journey: Journey): Promise<DataReply | null> {
    const { control, config, forwarder } = this.#options;
    const view = control.view();
    const decision = decideAccess(
      {
        mayWrite: journey.plan.needsPrimary,
        level: request.consistency.level,
        token: request.token,
        readAfterWrite: config.reads.readAfterWrite,
        isForwarded: request.isForwarded,
        isBeyondReplicas: journey.isBeyondReplicas,
      },
      view,
      this.#leaseLeftMs(),
    );
    switch (decision.kind) {
      case 'lost': {
        const certain = !request.isTokenUpperBound;
        const facts = { certain, position: request.token && formatPosition(request.token) };
        throw new MeridianError('WriteLost', `The write is lost: ${decision.why}.`, facts);
      }
      case 'hold':
        await this.#hold(decision.why, request, journey);
        return null;
      case 'forward':
        return forwarder.forward(decision.to, request, journey.plan.writes);
      case 'primary':
        return this.#onPrimary(request, journey.plan, view);
      case 'replica':
        return this.#onReplica(request, journey);
      default:
        return assertNever(decision);
    }
  }

  async #onReplica(request: DataRequest, journey: Journey): Promise<DataReply | null> {
    const { replicas, control, positions, config } = this.#options;
    const { touchesSession } = journey.plan;
    const served = await replicas.read(request, () => control.view(), touchesSession);
    if (served.kind === 'nobody') {
      journey.isBeyondReplicas = true;
      return null;
    }
    const view = control.view();
    if (served.kind === 'primary-node') return this.#onPrimary(request, journey.plan, view);
    const at = positionOfLook(served.outcome.after, view);
    const position =
      at?.isWal === true
        ? await positions.recordAt(at.position.endLsn, view, config.positionWaitMs)
        : { position: at?.position ?? null, isUpperBound: false };
    return this.#reply(request, {
      results: served.outcome.results,
      node: served.node,
      position,
      stalenessMs: served.stalenessMs,
    });
  }

  async #onPrimary(
    request: DataRequest,
    plan: RequestPlan,
    view: ClusterView,
  ): Promise<DataReply | null> {
    const { positions, config, clock } = this.#options;
    const { node } = view;
    if (node === null) throw new MeridianError('NotPrimary', 'The region has no node yet.');
    if (request.token !== null) {
      const boundMs = clock.monotonicMs() + config.tokenWaitMs;
      const deadlineMs = Math.min(request.deadlineMs, boundMs);
      await positions.awaitVisible(request.token, { node, view, deadlineMs });
    }
    return plan.writes
      ? this.#write(request, plan, { node, view })
      : this.#readPrimary(request, plan, { node, view });
  }

  async #readPrimary(
    request: DataRequest,
    plan: RequestPlan,
    at: { readonly node: NodeId; readonly view: ClusterView },
  ): Promise<DataReply | null> {
    const { reader, watcher, positions, config } = this.#options;
    const { touchesSession } = plan;
    const rowsMax = config.limits.rowsMax;
    let outcome: ReadOutcome;
    try {
      outcome = await reader.run({ request, node: at.node, touchesSession, rowsMax });
    } catch (error) {
      if (!isMeridianError(error, 'ReplicaUnavailable')) throw error;
      watcher.ruleOut(at.node, 'the connection was lost');
      throw new MeridianError('NotPrimary', 'The primary cannot be read now.', {}, error);
    }
    if (!isOpenFor(outcome.after, at.view)) {
      throw new MeridianError('NotPrimary', 'The node is not open for this epoch.');
    }
    const wal = outcome.after.walLsn;
    const position =
      wal === null
        ? { position: null, isUpperBound: false }
        : await positions.recordAt(wal, at.view, config.positionWaitMs);
    if (this.#leaseLeftMs() <= 0) {
      throw new MeridianError('LeaseExpired', 'The lease ended during the read.');
    }
    return this.#reply(request, {
      results: outcome.results,
      node: at.node,
      position,
      stalenessMs: 0,
    });
  }

  async #write(
    request: DataRequest,
    plan: RequestPlan,
    at: { readonly node: NodeId; readonly view: ClusterView },
  ): Promise<DataReply> {
    const { writer, positions, config, status, regionCount } = this.#options;
    const { node, view } = at;
    const rowsMax = config.limits.rowsMax;
    const { touchesSession } = plan;
    const outcome = await writer.run({ request, node, view, touchesSession, rowsMax });
    const isUngated = request.durability === 'async' || request.durability === 'logged';
    if (isUngated && this.#leaseLeftMs() <= 0) {
      const why = 'It is committed here, but the lease ended: another region may take over.';
      throw outcomeUnknown(why, request.idempotencyKey !== null);
    }
    const position =
      outcome.walLsn === null
        ? { position: null, isUpperBound: false }
        : await positions.recordAt(outcome.walLsn, view, config.positionWaitMs);
    const held = position.position === null ? 0 : status.holders(position.position).held;
    const isDegraded = view.k < 1 && !isUngated;
    return {
      ...this.#reply(request, { results: outcome.results, node, position, stalenessMs: 0 }),
      consistency: 'strong',
      durability: {
        mode: isDegraded ? 'logged' : request.durability,
        regions: `${held + 1}/${regionCount}`,
      },
    };
  }

  #reply(
    request: DataRequest,
    served: {
      readonly results: DataReply['results'];
      readonly node: NodeId;
      readonly position: ReplyPosition;
      readonly stalenessMs: number | null;
    },
  ): DataReply {
    const own = served.position;
    const isOwnLater =
      own.position !== null &&
      (request.token === null || laterPosition(own.position, request.token) === own.position);
    return {
      results: served.results,
      position: isOwnLater ? own.position : request.token,
      isUpperBound: isOwnLater ? own.isUpperBound : request.isTokenUpperBound,
      servedBy: served.node,
      region: this.#options.region,
      stalenessMs: served.stalenessMs,
      consistency: request.consistency.level,
      durability: null,
    };
  }

  /** Decides whether the request may be decided afresh after `error`; throws it otherwise. */
  async #recover(error: unknown, request: DataRequest, journey: Journey): Promise<void> {
    if (error instanceof ReadWrites) {
      journey.plan = writingPlan(request, journey.plan, error);
      for (const { sql } of request.statements) this.#options.analysis.noteWrite(sql);
      return;
    }
    const isRead = !journey.plan.writes;
    const isUndone =
      isMeridianError(error, 'NotPrimary') ||
      (isRead && isMeridianError(error, 'LeaseExpired')) ||
      (isRead && isMeridianError(error, 'UpstreamUnavailable'));
    if (!isUndone || request.isForwarded) throw error;
    await this.#hold(error.message, request, journey);
  }

  /** Waits for the next view, within the bound; throws Draining beyond it. */
  async #hold(why: string, request: DataRequest, journey: Journey): Promise<void> {
    const { clock, config, control } = this.#options;
    if (request.isForwarded) {
      throw new MeridianError('NotPrimary', `Nothing was done: ${why}.`, { retryAfterMs: 50 });
    }
    const nowMs = clock.monotonicMs();
    journey.heldSinceMs ??= nowMs;
    const endMs = Math.min(journey.heldSinceMs + config.holdMs, request.deadlineMs);
    if (nowMs >= endMs) {
      const message = `Nothing was done: ${why}.`;
      throw new MeridianError('Draining', message, { retryAfterMs: 1000 });
    }
    await nextView(control, Math.min(holdStepMs, endMs - nowMs));
  }

  #leaseLeftMs(): number {
    return leaseRemainingMs(this.#options.control.view(), this.#options.clock.monotonicMs());
  }
}

/** A held request looks again after so long even if no new view came. */
const holdStepMs = 50;

function nextView(control: RegionControl, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(finish, ms);
    const stop = control.onChange(finish);
  });
}
