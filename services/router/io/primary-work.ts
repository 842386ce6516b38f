/** What only the primary's node may do: writes, transactions and strong reads, under its lease. */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import { sqlstateOf } from '../../../shared/errors/sqlstate.ts';
import type { DataReply, DataRequest } from '../../../shared/ports/data-access.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { keptRows, type RouterConfig } from '../config.ts';
import { isOpenFor, type NodeLook } from '../core/node-position.ts';
import type { AloneRunner } from './sql/alone-runner.ts';
import { dataReply } from './data-reply.ts';
import type { HeldSnapshot } from './held-snapshot.ts';
import type { NodeWatcher } from './node-watcher.ts';
import type { PrimaryPosition, ReplyPosition } from './primary-position.ts';
import type { QuorumCheck } from './quorum-check.ts';
import type { ReadOutcome, ReadRunner } from './sql/read-runner.ts';
import { reachedDurability, type ReachedOptions } from './reached-durability.ts';
import type { RequestPlan } from './request-plan.ts';
import { outcomeUnknown } from './sql/sql-failure.ts';
import type { TransactionRunner, WriteOutcome } from './sql/transaction-runner.ts';

export interface PrimaryWorkOptions extends ReachedOptions {
  readonly config: RouterConfig;
  readonly region: RegionId;
  readonly watcher: NodeWatcher;
  readonly reader: ReadRunner;
  readonly writer: TransactionRunner;
  readonly alone: AloneRunner;
  readonly positions: PrimaryPosition;
  readonly quorum: QuorumCheck;
  readonly held: HeldSnapshot;
  /** Remaining lease of the own primary role in milliseconds. */
  readonly leaseLeftMs: () => number;
}

interface At {
  readonly node: NodeId;
  readonly view: ClusterView;
}

export class PrimaryWork {
  readonly #options: PrimaryWorkOptions;

  constructor(options: PrimaryWorkOptions) {
    this.#options = options;
  }

  /** Throws NotPrimary or LeaseExpired (nothing was done), and what the work itself throws. */
  async serve(request: DataRequest, plan: RequestPlan, view: ClusterView): Promise<DataReply> {
    const { positions, config, clock } = this.#options;
    const { node } = view;
    if (node === null) throw new MeridianError('NotPrimary', 'The region has no node yet.');
    const { token } = request;
    const boundMs = clock.monotonicMs() + config.tokenWaitMs;
    const wait = { node, view, deadlineMs: Math.min(request.deadlineMs, boundMs) };
    if (!plan.writes) {
      const waiting = token === null ? [] : await positions.waitingAt(token, wait);
      return this.#read(request, plan, { node, view, waiting, deadlineMs: wait.deadlineMs });
    }
    if (token !== null) await positions.awaitVisible(token, wait);
    return this.#write(request, plan, { node, view });
  }

  /** Reads until the snapshot shows all of `waiting`: nearly always at once. */
  async #read(
    request: DataRequest,
    plan: RequestPlan,
    at: At & { readonly waiting: readonly number[]; readonly deadlineMs: number },
  ): Promise<DataReply> {
    const { positions, clock } = this.#options;
    for (;;) {
      const outcome = await this.#readVouched(request, plan, at);
      if (!positions.shows(outcome.before, at.waiting)) {
        outcome.rest?.close();
        if (clock.monotonicMs() >= at.deadlineMs) throw positions.tooLate(request.token);
        await sleep(2);
        continue;
      }
      const { results, rest } = outcome;
      const position = await this.#vouched(request, outcome.after, at.view).catch((error) => {
        rest?.close();
        throw error;
      });
      const { region } = this.#options;
      const { node } = at;
      return dataReply(request, { results, region, node, position, stalenessMs: 0, rest });
    }
  }

  /**
   * The position of what was read; throws LeaseExpired or ConsistencyTimeout when it must not be
   * shown. The lease is checked last.
   */
  async #vouched(request: DataRequest, after: NodeLook, view: ClusterView): Promise<ReplyPosition> {
    const { held, leaseLeftMs, clock, config } = this.#options;
    const at = await this.#positionAt(after.walLsn, view);
    if (request.consistency.level === 'strong' && at.position !== null) {
      const deadlineMs = Math.min(request.deadlineMs, clock.monotonicMs() + config.tokenWaitMs);
      await held.awaitHeld({ ...after, position: at.position }, view, deadlineMs);
    }
    if (leaseLeftMs() > 0) return at;
    throw new MeridianError('LeaseExpired', 'The lease ended during the read.');
  }

  /** A strong read in quorum mode asks the members while it runs. */
  async #readVouched(request: DataRequest, plan: RequestPlan, at: At): Promise<ReadOutcome> {
    const { quorum, config } = this.#options;
    const isAsked = config.strongReads === 'quorum' && request.consistency.level === 'strong';
    if (!isAsked) return this.#readOnce(request, plan, at);
    const outcome = await this.#readOnce(request, plan, at);
    try {
      await quorum.confirm(at.view, request.deadlineMs);
    } catch (error) {
      outcome.rest?.close();
      throw error;
    }
    return outcome;
  }

  async #readOnce(request: DataRequest, plan: RequestPlan, at: At): Promise<ReadOutcome> {
    const { reader, watcher, config } = this.#options;
    const { touchesSession, isRepeated } = plan;
    const kept = keptRows(config.limits);
    let outcome: ReadOutcome;
    try {
      outcome = await reader.run({ request, node: at.node, touchesSession, isRepeated, kept });
    } catch (error) {
      if (!isMeridianError(error, 'ReplicaUnavailable')) throw error;
      if (error.details['isCollision'] === true) throw collision(error);
      watcher.ruleOut(at.node, 'the connection was lost');
      throw new MeridianError('NotPrimary', 'The primary cannot be read now.', {}, error);
    }
    if (isOpenFor(outcome.after, at.view)) return outcome;
    outcome.rest?.close();
    throw new MeridianError('NotPrimary', 'The node is not open for this epoch.');
  }

  async #write(request: DataRequest, plan: RequestPlan, at: At): Promise<DataReply> {
    const { writer, alone, config } = this.#options;
    const { node, view } = at;
    const kept = keptRows(config.limits);
    const { touchesSession } = plan;
    const runner = plan.isAlone ? alone : writer;
    const outcome = await runner.run({ request, node, view, touchesSession, kept });
    return this.settle(request, outcome, at);
  }

  /** The reply to a transaction whose COMMIT was answered. Throws when it must not be told. */
  async settle(request: DataRequest, outcome: WriteOutcome, at: At): Promise<DataReply> {
    const { node, view } = at;
    const { region } = this.#options;
    const isUngated = request.durability === 'async' || request.durability === 'logged';
    if (isUngated && this.#options.leaseLeftMs() <= 0) {
      const why = 'It is committed here, but the lease ended: another region may take over.';
      throw outcomeUnknown(why, request.idempotencyKey !== null);
    }
    const { results, after, hasWritten } = outcome;
    // What has changed nothing did not wait at its COMMIT: it is a read.
    const position =
      after !== null && !hasWritten
        ? await this.#vouched(request, after, view)
        : await this.#positionAt(after?.walLsn ?? null, view);
    const reached = { position: position.position, before: view };
    return {
      ...dataReply(request, { results, region, node, position, stalenessMs: 0, rest: null }),
      consistency: 'strong',
      durability: await reachedDurability(this.#options, request.durability, reached),
    };
  }

  async #positionAt(
    walLsn: ReadOutcome['after']['walLsn'],
    view: ClusterView,
  ): Promise<ReplyPosition> {
    const { positions, config } = this.#options;
    if (walLsn === null) return { position: null, isUpperBound: false };
    return positions.recordAt(walLsn, view, config.positionWaitMs);
  }
}

/** On the primary it is a failed transaction, for the caller to repeat. */
function collision(error: MeridianError): MeridianError {
  const sqlstate = sqlstateOf(error.cause) ?? '40001';
  const hint = 'Run it again.';
  return new MeridianError('StatementFailed', error.message, { sqlstate, hint }, error);
}
