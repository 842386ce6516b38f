/**
 * SQL as any front end asks for it: analyse, decide, run here, on a replica or in the primary
 * region, and decide afresh whenever the primary changes under way.
 */
import { formatPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { assertNever } from '../../../shared/core/assert.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataAccess, DataReply, DataRequest } from '../../../shared/ports/data-access.ts';
import { leaseRemainingMs, type RegionControl } from '../../../shared/ports/region-control.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { RouterConfig } from '../config.ts';
import { decideAccess } from '../core/access-decision.ts';
import { positionOfLook } from '../core/node-position.ts';
import { dataReply } from './data-reply.ts';
import type { OpenTransactions } from './interactive/open-transactions.ts';
import type { TransactionCalls } from './interactive/transaction-calls.ts';
import type { NodeWatcher } from './node-watcher.ts';
import type { PrimaryForwarder } from './primary-forwarder.ts';
import type { PrimaryPosition } from './primary-position.ts';
import type { PrimaryWork } from './primary-work.ts';
import { ReadWrites } from './sql/read-runner.ts';
import type { ReplicaReads } from './replica-reads.ts';
import { beginningPlan, summarise, writingPlan, type RequestPlan } from './request-plan.ts';
import type { StatementAnalysis } from './statement-analysis.ts';

export interface RoutedAccessOptions {
  readonly config: RouterConfig;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly control: RegionControl;
  readonly analysis: StatementAnalysis;
  readonly watcher: NodeWatcher;
  readonly replicas: ReplicaReads;
  readonly primary: PrimaryWork;
  readonly positions: PrimaryPosition;
  readonly forwarder: PrimaryForwarder;
  readonly open: OpenTransactions;
  readonly calls: TransactionCalls;
}

/** What a request has learnt on its way. */
interface Journey {
  plan: RequestPlan;
  isBeyondReplicas: boolean;
  /** Monotonic time since which it is held; null while it is not. */
  heldSinceMs: number | null;
  refusals: number;
  /** A COMMIT under a key of which nobody knows whether it happened. */
  unknown: MeridianError | null;
}

export class RoutedAccess implements DataAccess {
  readonly #options: RoutedAccessOptions;

  constructor(options: RoutedAccessOptions) {
    this.#options = options;
  }

  async run(asked: DataRequest): Promise<DataReply> {
    const { transaction } = asked;
    if (transaction !== undefined && transaction.kind !== 'begin') {
      return this.#options.calls.run(asked, transaction, (question) => this.run(question));
    }
    const plan =
      transaction === undefined ? await summarise(this.#options.analysis, asked) : beginningPlan;
    const request =
      asked.isStream === true && !plan.canStream ? { ...asked, isStream: false } : asked;
    const journey: Journey = {
      plan,
      isBeyondReplicas: false,
      heldSinceMs: null,
      refusals: 0,
      unknown: null,
    };
    try {
      return await this.#serve(request, journey);
    } catch (error) {
      // What becomes of a later attempt says nothing of one that may be done already.
      throw journey.unknown ?? error;
    }
  }

  /** The reply to a request that is decided afresh for as long as that is allowed. */
  async #serve(request: DataRequest, journey: Journey): Promise<DataReply> {
    for (;;) {
      try {
        const reply = await this.#step(request, journey);
        if (reply === null) continue;
        const { position, isUpperBound } = reply;
        if (position !== null && !isUpperBound) this.#options.replicas.noteKnown(position);
        return reply;
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
    const { control, config, primary } = this.#options;
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
        const position = request.token && formatPosition(request.token);
        throw new MeridianError('WriteLost', `The write is lost: ${decision.why}.`, {
          ...{ certain, position, left: formatPosition(decision.left) },
          hint: 'Go on with the meridian-position of this reply: what is up to there is kept.',
        });
      }
      case 'hold':
        await this.#hold(decision.why, request, { journey, isRefused: false });
        return null;
      case 'forward':
        return this.#forward(decision.to, request, journey);
      case 'primary':
        if (request.transaction !== undefined) return this.#options.open.begin(request, view);
        return primary.serve(request, journey.plan, view);
      case 'replica':
        return this.#onReplica(request, journey);
      default:
        return assertNever(decision);
    }
  }

  async #onReplica(request: DataRequest, journey: Journey): Promise<DataReply | null> {
    const { replicas, control, positions, config, primary, region } = this.#options;
    const served = await replicas.read(request, () => control.view(), journey.plan);
    if (served.kind === 'nobody') {
      journey.isBeyondReplicas = true;
      return null;
    }
    const view = control.view();
    if (served.kind === 'primary-node') return primary.serve(request, journey.plan, view);
    const at = positionOfLook(served.outcome.after, view);
    const position =
      at?.isWal === true
        ? await positions.recordAt(at.position.endLsn, view, config.positionWaitMs)
        : { position: at?.position ?? null, isUpperBound: false };
    return dataReply(request, {
      results: served.outcome.results,
      region,
      node: served.node,
      position,
      stalenessMs: served.stalenessMs,
      rest: served.outcome.rest,
    });
  }

  /**
   * A read does not wait for a region that has lost its role meanwhile: its answer is dropped and
   * the read decided afresh. A write waits, because it may have happened.
   */
  async #forward(to: RegionId, request: DataRequest, journey: Journey): Promise<DataReply | null> {
    const { control, forwarder } = this.#options;
    const { writes } = journey.plan;
    const reply = forwarder.forward(to, request, writes);
    if (writes) return reply;
    const stopped = new AbortController();
    try {
      const moved = whenPrimaryMoves(control, to, stopped.signal);
      return await Promise.race([reply, moved]);
    } finally {
      stopped.abort();
      reply.catch(() => undefined);
    }
  }

  /** Decides whether the request may be decided afresh after `error`; throws it otherwise. */
  async #recover(error: unknown, request: DataRequest, journey: Journey): Promise<void> {
    if (error instanceof ReadWrites) {
      journey.plan = writingPlan(request, journey.plan, error);
      for (const { sql } of request.statements) this.#options.analysis.noteWrite(sql);
      return;
    }
    if (!isMeridianError(error)) throw error;
    // Under a key even a write whose outcome is unknown may be sent again: it is done once.
    const isKeyed = request.idempotencyKey !== null && error.code === 'CommitOutcomeUnknown';
    const isLostRead =
      !journey.plan.writes && ['LeaseExpired', 'UpstreamUnavailable'].includes(error.code);
    if (error.code !== 'NotPrimary' && !isLostRead && !isKeyed) throw error;
    if (isKeyed) journey.unknown = error;
    await this.#hold(error.message, request, { journey, isRefused: true });
  }

  /**
   * Waits for the next view, within the bound; throws Draining beyond it. A request of another
   * region waits here only while this one is about to serve it.
   */
  async #hold(
    why: string,
    request: DataRequest,
    hold: { readonly journey: Journey; readonly isRefused: boolean },
  ): Promise<void> {
    const { clock, config, control } = this.#options;
    const { journey } = hold;
    const nowMs = clock.monotonicMs();
    journey.heldSinceMs ??= nowMs;
    journey.isBeyondReplicas = false;
    const isOurs = control.view().primary === control.view().region;
    const boundMs = request.isForwarded ? (isOurs ? forwardedHoldMs : 0) : config.holdMs;
    const endMs = Math.min(journey.heldSinceMs + boundMs, request.deadlineMs);
    if (nowMs >= endMs) {
      const code = request.isForwarded ? 'NotPrimary' : 'Draining';
      const retryAfterMs = request.isForwarded ? 50 : 1000;
      throw new MeridianError(code, `Nothing was done: ${why}.`, { retryAfterMs });
    }
    if (!hold.isRefused) return nextView(control, Math.min(holdStepMs, endMs - nowMs));
    // The other side has just said no: views come often, questions over the network should not.
    journey.refusals += 1;
    const pauseMs = Math.min(200, 10 * 2 ** journey.refusals) * (0.5 + Math.random() / 2);
    await sleep(Math.min(pauseMs, endMs - nowMs));
  }

  #leaseLeftMs(): number {
    return leaseRemainingMs(this.#options.control.view(), this.#options.clock.monotonicMs());
  }
}

/** A held request looks again after so long even if no new view came. */
const holdStepMs = 50;
/** How long another region's request waits here until this region opens. */
const forwardedHoldMs = 1000;

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

/** Resolves with null once another region than `from` is primary, or one is being chosen. */
function whenPrimaryMoves(
  control: RegionControl,
  from: RegionId,
  signal: AbortSignal,
): Promise<null> {
  return new Promise((resolve) => {
    const stop = control.onChange((view) => {
      if (view.primary === from && view.prepare?.change !== 'failover') return;
      stop();
      resolve(null);
    });
    signal.addEventListener('abort', stop);
  });
}
