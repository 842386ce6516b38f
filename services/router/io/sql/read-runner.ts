/** Runs a read-only transaction on one node, position and statements in one round trip. */
import type { NodeId } from '../../../../shared/core/node.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { isRetryableLock } from '../../../../shared/errors/sqlstate.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type {
  DataRequest,
  RowStream,
  StatementResult,
} from '../../../../shared/ports/data-access.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import type { NodeLook } from '../../core/node-position.ts';
import { runExchange, type ExchangeStep } from './exchange.ts';
import { lookStep, lookWithSettings, readLook } from './node-look.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import {
  beginStep,
  callerSteps,
  commitStep,
  rollbackStep,
  settingPairs,
  type KeptRows,
} from './session-steps.ts';
import { errorOfFailure, judgeFailure } from './sql-failure.ts';
import { openStream } from './streamed-read.ts';

export interface ReadPlan {
  readonly request: DataRequest;
  readonly node: NodeId;
  readonly touchesSession: boolean;
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

  constructor(options: ReadRunnerOptions) {
    this.#options = options;
  }

  /**
   * Throws ReadWrites, StatementFailed, DeadlineExceeded, ReplicaUnavailable (the node is of no
   * use; nothing was done), or what borrowing a connection throws.
   */
  async run(plan: ReadPlan): Promise<ReadOutcome> {
    const { request, node } = plan;
    const { pools, clock } = this.#options;
    const lent = await pools.borrow(node, request.caller.role, request.deadlineMs);
    const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
    const own = callerSteps(request.statements, { ...plan.kept, mustFinish: false });
    const opening = lookWithSettings(
      settingPairs({
        caller: request.caller,
        durability: 'async',
        statementTimeoutMs: leftMs,
        requestId: request.requestId,
      }),
    );
    if (request.isStream === true) return this.#open(plan, lent, opening);
    const { before, after } = aroundReads(request);
    const steps = [...before, opening, ...own, ...after];
    try {
      const work = orGone(runExchange(lent.client, steps), request.signal);
      const { results } = await withDeadline(work, leftMs, late);
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
      throw await this.#failed(plan, lent, error);
    }
  }

  async #open(plan: ReadPlan, lent: Lent, opening: ExchangeStep): Promise<ReadOutcome> {
    const { request } = plan;
    const { clock } = this.#options;
    try {
      const opened = openStream({ lent, request, opening, clock });
      const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
      const { look, first, rest } = await withDeadline(
        orGone(opened, request.signal),
        leftMs,
        late,
      );
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

function late(): MeridianError {
  return new MeridianError('DeadlineExceeded', 'The deadline passed before the node answered.');
}

/** `work`, or a rejection as soon as nobody waits for it any more. */
function orGone<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new MeridianError('DeadlineExceeded', 'The client has left; nothing was done.'));
    };
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
