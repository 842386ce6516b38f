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
import type { RouterConfig } from '../config.ts';
import { decideAccess } from '../core/access-decision.ts';
import { positionOfLook } from '../core/node-position.ts';
import { dataReply } from './data-reply.ts';
import type { NodeWatcher } from './node-watcher.ts';
import type { PrimaryForwarder } from './primary-forwarder.ts';
import type { PrimaryPosition } from './primary-position.ts';
import type { PrimaryWork } from './primary-work.ts';
import { ReadWrites } from './sql/read-runner.ts';
import type { ReplicaReads } from './replica-reads.ts';
import { summarise, writingPlan, type RequestPlan } from './request-plan.ts';
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
    const { control, config, forwarder, primary } = this.#options;
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
        return primary.serve(request, journey.plan, view);
      case 'replica':
        return this.#onReplica(request, journey);
      default:
        return assertNever(decision);
    }
  }

  async #onReplica(request: DataRequest, journey: Journey): Promise<DataReply | null> {
    const { replicas, control, positions, config, primary, region } = this.#options;
    const { touchesSession } = journey.plan;
    const served = await replicas.read(request, () => control.view(), touchesSession);
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
    });
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
