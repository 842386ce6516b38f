/**
 * Runs a statement that PostgreSQL refuses inside a transaction block (VACUUM, CREATE INDEX
 * CONCURRENTLY, …) on the primary's node, on a connection that is thrown away afterwards.
 */
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import { runExchange } from './exchange.ts';
import { lookStep, readLook } from './node-look.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import { callerSteps, fenceCheckStep, sessionSettingsStep } from './session-steps.ts';
import { errorOfFailure, judgeFailure, outcomeUnknown } from './sql-failure.ts';
import type { WriteOutcome, WritePlan } from './transaction-runner.ts';

export interface AloneRunnerOptions {
  readonly pools: NodePools;
  readonly clock: Clock;
}

export class AloneRunner {
  readonly #options: AloneRunnerOptions;

  constructor(options: AloneRunnerOptions) {
    this.#options = options;
  }

  /** Throws StatementFailed, NotPrimary (undone), CommitOutcomeUnknown, RequestInvalid. */
  async run(plan: WritePlan): Promise<WriteOutcome> {
    const { request, node } = plan;
    if (request.idempotencyKey !== null) {
      const hint = 'Send it without Idempotency-Key.';
      const message = 'The statement runs outside a transaction, so no key can be kept with it.';
      throw new MeridianError('RequestInvalid', message, { hint });
    }
    const lent = await this.#options.pools.borrow(node, request.caller.role, request.deadlineMs);
    await this.#prepare(plan, lent);
    const own = callerSteps(request.statements, { ...plan.kept, mustFinish: true });
    const work = runExchange(lent.client, own);
    const leftMs = Math.max(1, request.deadlineMs - this.#options.clock.monotonicMs());
    const late = (): Error => outcomeUnknown('The deadline passed; the statement goes on.', false);
    try {
      const { results } = await withDeadline(work, leftMs, late);
      const look = await runExchange(lent.client, [lookStep]).catch(() => null);
      const after = look === null ? null : readLook(look.results[0]);
      return { results, after, hasWritten: true };
    } catch (error) {
      if (error instanceof MeridianError) throw error;
      const failure = judgeFailure(error, 0);
      if (failure.isAnswered) throw errorOfFailure(failure);
      throw outcomeUnknown('The connection was lost.', false, failure.cause);
    } finally {
      work
        .catch(() => undefined)
        .finally(() => lent.giveBack('drop'))
        .catch(() => undefined);
    }
  }

  async #prepare(plan: WritePlan, lent: Lent): Promise<void> {
    const { caller, durability } = plan.request;
    const settings = sessionSettingsStep(caller.role, durability);
    try {
      await runExchange(lent.client, [fenceCheckStep(plan.view.epoch), settings]);
    } catch (error) {
      lent.giveBack('drop');
      const message = 'Nothing was done: the node is not open for this epoch.';
      throw new MeridianError('NotPrimary', message, { retryAfterMs: 200 }, error);
    }
  }
}
