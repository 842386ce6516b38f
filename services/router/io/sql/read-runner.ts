/** Runs a read-only transaction on one node, position and statements in one round trip. */
import type { NodeId } from '../../../../shared/core/node.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { isRetryableLock } from '../../../../shared/errors/sqlstate.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type {
  DataRequest,
  RowStream,
  StatementResult,
} from '../../../../shared/ports/data-access.ts';
import type { NodeLook } from '../../core/node-position.ts';
import { bounded } from './bounded.ts';
import { runExchange, type ExchangeStep } from './exchange.ts';
import { lookStep, lookWithSettings, readLook } from './node-look.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import {
  beginStep,
  callerSteps,
  commitStep,
  rollbackStep,
  type KeptRows,
} from './session-steps.ts';
import { SharedReads } from './shared-reads.ts';
import { errorOfFailure, judgeFailure } from './sql-failure.ts';
import { openStream } from './streamed-read.ts';

export interface ReadPlan {
  readonly request: DataRequest;
  readonly node: NodeId;
  readonly touchesSession: boolean;
  /** Its statements come often. */
  readonly isRepeated: boolean;
  readonly kept: KeptRows;
}

export interface ReadOutcome {
  readonly results: readonly StatementResult[];
  /** Seen before the statements or in their own snapshot: what its row proves, they see. */
  readonly before: NodeLook;
  /** Seen after the statements or in their own snapshot: they saw nothing beyond it. */
  readonly after: NodeLook;
  /** Rows still to come, when the request is a stream. */
  readonly rest: RowStream | null;
}

export interface ReadRunnerOptions {
  readonly pools: NodePools;
  readonly clock: Clock;
}

/** Thrown when a statement that passed as a read turns out to write. */
export class ReadWrites extends Error {
  override readonly name = 'ReadWrites';
}

export class ReadRunner {
  readonly #options: ReadRunnerOptions;
  readonly #shared: SharedReads;

  constructor(options: ReadRunnerOptions) {
    this.#options = options;
    this.#shared = new SharedReads({ ...options, runAlone: (plan) => this.#runAlone(plan) });
  }

  /**
   * Throws ReadWrites, StatementFailed, DeadlineExceeded, ReplicaUnavailable (the node is of no
   * use; nothing was done), or what borrowing a connection throws.
   */
  run(plan: ReadPlan): Promise<ReadOutcome> {
    return this.#shared.takes(plan) ? this.#shared.run(plan) : this.#runAlone(plan);
  }

  /**
   * A kept plan may be out of date (the table was altered): what fails with one is tried without.
   */
  async #runAlone(plan: ReadPlan): Promise<ReadOutcome> {
    const { request, node } = plan;
    const { pools, clock } = this.#options;
    const lent = await pools.borrow(node, request.caller.role, request.deadlineMs);
    const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
    const own = callerSteps(request.statements, {
      ...plan.kept,
      mustFinish: false,
      isRepeated: plan.isRepeated,
    });
    const { caller, requestId } = request;
    const settings = {
      caller,
      durability: 'async',
      statementTimeoutMs: leftMs,
      requestId,
    } as const;
    const opening = lookWithSettings(settings);
    if (request.isStream === true) return this.#open(plan, lent, opening);
    const { before, after } = aroundReads(request);
    const steps = [...before, opening, ...own, ...after];
    try {
      const { results } = await bounded(runExchange(lent.client, steps), leftMs, request.signal);
      lent.giveBack(plan.touchesSession ? 'reset' : 'keep');
      const ownAt = before.length + 1;
      const first = readLook(results[before.length]);
      return {
        results: results.slice(ownAt, ownAt + own.length),
        before: first,
        after: after.includes(lookStep) ? readLook(results[ownAt + own.length]) : first,
        rest: null,
      };
    } catch (error) {
      const failed = await this.#failed(plan, lent, error);
      const isOwnFault = isMeridianError(failed, 'StatementFailed');
      if (plan.isRepeated && isOwnFault) return this.#runAlone({ ...plan, isRepeated: false });
      throw failed;
    }
  }

  async #open(plan: ReadPlan, lent: Lent, opening: ExchangeStep): Promise<ReadOutcome> {
    const { request } = plan;
    const { clock } = this.#options;
    try {
      const opened = openStream({ lent, request, opening, clock });
      const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
      const { look, first, rest } = await bounded(opened, leftMs, request.signal);
      const seen = readLook(look);
      return { results: [first], before: seen, after: seen, rest };
    } catch (error) {
      throw await this.#failed(plan, lent, error);
    }
  }

  async #failed(plan: ReadPlan, lent: Lent, error: unknown): Promise<Error> {
    if (error instanceof MeridianError) {
      this.#options.pools.cancel(plan.node, lent).catch(() => undefined);
      return error;
    }
    const failure = judgeFailure(error, null);
    if (!failure.isAnswered) {
      lent.giveBack('drop');
      return errorOfFailure(failure);
    }
    // Without a BEGIN there is nothing to roll back; PostgreSQL only warns then.
    await lent.client.query(rollbackStep.sql).then(
      () => lent.giveBack(plan.touchesSession ? 'reset' : 'keep'),
      () => lent.giveBack('drop'),
    );
    if (isRetryableLock(failure.cause)) {
      const message = 'The statement collided with what the node replays.';
      return new MeridianError('ReplicaUnavailable', message, { isCollision: true }, failure.cause);
    }
    return failure.isReadOnly
      ? new ReadWrites('the statement writes', { cause: failure.cause })
      : errorOfFailure(failure);
  }
}

/**
 * A single statement shares the snapshot of the look before it, in the exchange's own transaction:
 * read-only, repeatable read. So does a transaction, unless each statement is to see its own.
 */
function aroundReads(request: DataRequest): {
  readonly before: readonly ExchangeStep[];
  readonly after: readonly ExchangeStep[];
} {
  if (!request.isTransaction) return { before: [], after: [] };
  const begin = beginStep({ isolation: request.isolation, isReadOnly: true });
  const isOneSnapshot = request.isolation !== 'read committed';
  return { before: [begin], after: isOneSnapshot ? [commitStep] : [lookStep, commitStep] };
}
