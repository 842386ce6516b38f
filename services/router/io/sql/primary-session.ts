/**
 * One transaction's connection to the primary's node: exchanges before the COMMIT, the COMMIT
 * itself, and what a failure of either means. It never cancels a COMMIT.
 */
import type { NodeId } from '../../../../shared/core/node.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import type { Lent } from '../node-pools.ts';
import { ExchangeFailed, runExchange, type ExchangeReply, type ExchangeStep } from './exchange.ts';
import { lookStep } from './node-look.ts';
import { commitStep, fenceCheckStep, rollbackStep } from './session-steps.ts';
import { errorOfFailure, judgeFailure, outcomeUnknown } from './sql-failure.ts';

export interface PrimarySessionOptions {
  readonly lent: Lent;
  readonly node: NodeId;
  readonly epoch: number;
  readonly request: Pick<DataRequest, 'deadlineMs' | 'idempotencyKey'>;
  readonly touchesSession: boolean;
  readonly clock: Clock;
  /** The node has refused a write as read-only or is not open: it is no primary any more. */
  readonly onNotPrimary: (node: NodeId, why: string) => void;
}

/** Bound of a COMMIT that outlives its request, before its connection is given up. */
const doubtMsMax = 600_000;

export class PrimarySession {
  readonly #options: PrimarySessionOptions;

  constructor(options: PrimarySessionOptions) {
    this.#options = options;
  }

  /** Milliseconds until the request's deadline. */
  get leftMs(): number {
    return this.#options.request.deadlineMs - this.#options.clock.monotonicMs();
  }

  /**
   * Runs steps that do not commit. `claimed` when step `claimAt` met its key; the transaction is
   * rolled back then and the session ready for another. Throws as `TransactionRunner.run` does.
   */
  async run(
    steps: readonly ExchangeStep[],
    claimAt: number | null = null,
  ): Promise<readonly StatementResult[] | 'claimed'> {
    const { lent } = this.#options;
    const late = (): MeridianError => {
      const message = 'The deadline passed before the COMMIT was sent; nothing was done.';
      return new MeridianError('DeadlineExceeded', message);
    };
    try {
      const work = runExchange(lent.client, steps);
      return (await withDeadline(work, Math.max(1, this.leftMs), late)).results;
    } catch (error) {
      if (error instanceof MeridianError) {
        lent.giveBack('drop');
        throw error;
      }
      const isAtClaim = error instanceof ExchangeFailed && error.step === claimAt;
      if (isAtClaim && judgeFailure(error, null).sqlstate === '23505') {
        await lent.client.query(rollbackStep.sql);
        return 'claimed';
      }
      throw await this.#failed(error, null);
    }
  }

  /**
   * Runs `steps`, the fence check, the COMMIT and the look in one flush, and gives the connection
   * back. The reply's last result is the look.
   */
  async commit(steps: readonly ExchangeStep[]): Promise<ExchangeReply> {
    const { lent, epoch } = this.#options;
    const all = [...steps, fenceCheckStep(epoch), commitStep, lookStep];
    const commitAt = steps.length + 1;
    const work = runExchange(lent.client, all);
    let reply: ExchangeReply;
    try {
      reply = await withDeadline(work, Math.max(1, this.leftMs), () =>
        this.#unknown('The deadline passed while the COMMIT was under way.'),
      );
    } catch (error) {
      if (!(error instanceof MeridianError)) throw await this.#failed(error, commitAt);
      this.#letFinish(work);
      throw error;
    }
    this.#giveBack();
    const ended = reply.warnings.find(({ step }) => step === commitAt);
    if (ended === undefined) return reply;
    throw this.#unknown(`PostgreSQL ended the wait of the COMMIT: ${ended.message}`);
  }

  /** Ends the transaction without a trace and gives the connection back. */
  async rollBack(): Promise<void> {
    const { lent } = this.#options;
    await lent.client.query(rollbackStep.sql).then(
      () => this.#giveBack(),
      () => lent.giveBack('drop'),
    );
  }

  #giveBack(): void {
    this.#options.lent.giveBack(this.#options.touchesSession ? 'reset' : 'keep');
  }

  /** Nobody waits any more, but the COMMIT goes on: its connection is busy until it ends. */
  #letFinish(work: Promise<unknown>): void {
    const drop = (): void => this.#options.lent.giveBack('drop');
    const giveUp = setTimeout(drop, doubtMsMax).unref();
    work
      .then(() => this.#giveBack(), drop)
      .then(
        () => clearTimeout(giveUp),
        () => undefined,
      );
  }

  /** The error to throw for a failed exchange; the connection is cleaned or dropped. */
  async #failed(error: unknown, commitAt: number | null): Promise<Error> {
    const { lent, node, onNotPrimary } = this.#options;
    const failure = judgeFailure(error, commitAt);
    if (failure.phase === 'after-commit') {
      lent.giveBack('drop');
      return this.#unknown('PostgreSQL failed right after the COMMIT.', failure.cause);
    }
    if (failure.phase === 'commit' && !failure.isAnswered) {
      lent.giveBack('drop');
      return this.#unknown(
        'The connection was lost while the COMMIT was under way.',
        failure.cause,
      );
    }
    // The fence check is the step before the COMMIT and fails with division_by_zero.
    const isFenced =
      failure.sqlstate === '22012' &&
      error instanceof ExchangeFailed &&
      error.step + 1 === commitAt;
    if (!failure.isReadOnly && !isFenced && failure.isAnswered) {
      await this.rollBack();
      return errorOfFailure(failure);
    }
    lent.giveBack('drop');
    const why = failure.isReadOnly
      ? 'the node is read-only'
      : isFenced
        ? 'the node is not open for this epoch'
        : 'the connection was lost';
    onNotPrimary(node, why);
    const details = { retryAfterMs: 200 };
    return new MeridianError('NotPrimary', `Nothing was done: ${why}.`, details, failure.cause);
  }

  #unknown(why: string, cause?: unknown): MeridianError {
    return outcomeUnknown(why, this.#options.request.idempotencyKey !== null, cause);
  }
}
