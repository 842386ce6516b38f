/**
 * Runs a transaction that may write on the primary's node, in as few round trips as possible, and
 * says truthfully how it ended (DESIGN.md section 4). It never cancels a COMMIT.
 */
import { InvariantBroken } from '../../../../shared/core/assert.ts';
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import { failpoint } from '../../../../shared/runtime/failpoints.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import { ExchangeFailed, runExchange, type ExchangeReply, type ExchangeStep } from './exchange.ts';
import {
  claimStep,
  identityOf,
  readStoredReply,
  saveSteps,
  storedReplyStep,
  type KeyIdentity,
} from './idempotency.ts';
import { lookStep, readLook } from './node-look.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import {
  beginStep,
  callerSteps,
  commitStep,
  fenceCheckStep,
  rollbackStep,
  settingsStep,
} from './session-steps.ts';
import { errorOfFailure, judgeFailure, outcomeUnknown } from './sql-failure.ts';

export interface WritePlan {
  readonly request: DataRequest;
  readonly node: NodeId;
  readonly view: ClusterView;
  readonly touchesSession: boolean;
  readonly rowsMax: number;
}

export interface WriteOutcome {
  readonly results: readonly StatementResult[];
  /** Flushed WAL position after the COMMIT; null when the connection broke right behind it. */
  readonly walLsn: Lsn | null;
}

export interface RunnerOptions {
  readonly pools: NodePools;
  readonly clock: Clock;
  /** The node has refused a write as read-only or is not open: it is no primary any more. */
  readonly onNotPrimary: (node: NodeId, why: string) => void;
}

/** Bound of a COMMIT that outlives its request, before its connection is given up. */
const doubtMsMax = 600_000;

export class TransactionRunner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * Throws StatementFailed, DeadlineExceeded (rolled back), NotPrimary (nothing was done),
   * CommitOutcomeUnknown, or what borrowing a connection throws.
   */
  async run(plan: WritePlan): Promise<WriteOutcome> {
    const { request } = plan;
    const lent = await this.#borrow(plan);
    return request.idempotencyKey !== null || request.statements.length > 1
      ? this.#runInTwo(plan, lent)
      : this.#runInOne(plan, lent);
  }

  async #borrow({ node, request }: WritePlan): Promise<Lent> {
    const { pools, onNotPrimary } = this.#options;
    try {
      return await pools.borrow(node, request.caller.role, request.deadlineMs);
    } catch (error) {
      if (!isMeridianError(error, 'ReplicaUnavailable')) throw error;
      onNotPrimary(node, error.message);
      throw new MeridianError('NotPrimary', 'The primary takes no connection now.', {}, error);
    }
  }

  /** BEGIN, settings, the statement, fence check, COMMIT and position in one flush. */
  async #runInOne(plan: WritePlan, lent: Lent): Promise<WriteOutcome> {
    const before = [beginStep(readWrite(plan.request)), this.#settings(plan.request)];
    const own = callerSteps(plan.request, { rowsMax: plan.rowsMax, mustFinish: true });
    const steps = [...before, ...own, fenceCheckStep(plan.view.epoch), commitStep, lookStep];
    const reply = await this.#commit(plan, lent, { steps, commitAt: steps.indexOf(commitStep) });
    const results = reply.results.slice(before.length, before.length + own.length);
    return { results, walLsn: walLsnOf(reply) };
  }

  /** Everything but the COMMIT first: results are judged, or stored under the key, before it. */
  async #runInTwo(plan: WritePlan, lent: Lent): Promise<WriteOutcome> {
    const { request } = plan;
    const key = request.idempotencyKey;
    const identity = key === null ? null : identityOf(request, key);
    const claim = identity === null ? [] : [claimStep(identity)];
    const before = [beginStep(readWrite(request)), ...claim, this.#settings(request)];
    const own = callerSteps(request, { rowsMax: plan.rowsMax, mustFinish: true });
    const first = await this.#beforeCommit(plan, lent, {
      steps: [...before, ...own],
      claimAt: claim.length === 0 ? null : 1,
    });
    if (first === 'claimed' && identity !== null) return this.#repeat(plan, lent, identity);
    if (first === 'claimed') throw new InvariantBroken('a key was claimed without one');
    const results = first.slice(before.length);
    const why = whyUnexpected(request, results);
    if (why !== null) {
      await this.#rollBack(lent);
      throw new MeridianError('StatementFailed', why, { hint: 'The transaction is rolled back.' });
    }
    await failpoint('router.before-commit');
    const save = identity === null ? [] : saveSteps(identity, results, request.caller.role);
    const steps = [...save, fenceCheckStep(plan.view.epoch), commitStep, lookStep];
    const reply = await this.#commit(plan, lent, { steps, commitAt: steps.indexOf(commitStep) });
    return { results, walLsn: walLsnOf(reply) };
  }

  /** The key was used before: its reply, under a lock, committed in the mode asked now. */
  async #repeat(plan: WritePlan, lent: Lent, identity: KeyIdentity): Promise<WriteOutcome> {
    const { request } = plan;
    const caller = { ...request.caller, role: 'none' };
    const before = [
      beginStep({ isolation: null, isReadOnly: false }),
      this.#settings({ ...request, caller }),
    ];
    const tail = [fenceCheckStep(plan.view.epoch), commitStep, lookStep];
    const steps = [...before, storedReplyStep(identity), ...tail];
    const reply = await this.#commit(plan, lent, { steps, commitAt: steps.indexOf(commitStep) });
    const results = readStoredReply(reply.results[before.length], identity);
    return { results, walLsn: walLsnOf(reply) };
  }

  async #beforeCommit(
    plan: WritePlan,
    lent: Lent,
    part: { readonly steps: readonly ExchangeStep[]; readonly claimAt: number | null },
  ): Promise<readonly StatementResult[] | 'claimed'> {
    try {
      const reply = await this.#withinDeadline(plan, runExchange(lent.client, part.steps));
      return reply.results;
    } catch (error) {
      if (error instanceof MeridianError) {
        lent.giveBack('drop');
        throw error;
      }
      const failure = judgeFailure(error, null);
      const isClaimed =
        failure.sqlstate === '23505' &&
        error instanceof ExchangeFailed &&
        error.step === part.claimAt;
      if (isClaimed) {
        await lent.client.query(rollbackStep.sql);
        return 'claimed';
      }
      throw await this.#failed(plan, lent, { error, commitAt: null });
    }
  }

  async #commit(
    plan: WritePlan,
    lent: Lent,
    part: { readonly steps: readonly ExchangeStep[]; readonly commitAt: number },
  ): Promise<ExchangeReply> {
    const hasKey = plan.request.idempotencyKey !== null;
    const work = runExchange(lent.client, part.steps);
    let reply: ExchangeReply;
    try {
      reply = await withDeadline(work, Math.max(1, this.#leftMs(plan.request)), () =>
        outcomeUnknown('The deadline passed while the COMMIT was under way.', hasKey),
      );
    } catch (error) {
      if (!(error instanceof MeridianError)) {
        throw await this.#failed(plan, lent, { error, commitAt: part.commitAt });
      }
      this.#letFinish(work, lent, plan);
      throw error;
    }
    lent.giveBack(plan.touchesSession ? 'reset' : 'keep');
    const ended = reply.warnings.find(({ step }) => step === part.commitAt);
    if (ended !== undefined) {
      const why = `PostgreSQL ended the wait of the COMMIT: ${ended.message}`;
      throw outcomeUnknown(why, hasKey);
    }
    return reply;
  }

  /** Nobody waits any more, but the COMMIT goes on: its connection is busy until it ends. */
  #letFinish(work: Promise<unknown>, lent: Lent, plan: WritePlan): void {
    const giveUp = setTimeout(() => lent.giveBack('drop'), doubtMsMax).unref();
    work
      .then(
        () => lent.giveBack(plan.touchesSession ? 'reset' : 'keep'),
        () => lent.giveBack('drop'),
      )
      .finally(() => clearTimeout(giveUp))
      .catch(() => undefined);
  }

  /** The error to throw for a failed exchange; the connection is cleaned or dropped. */
  async #failed(
    plan: WritePlan,
    lent: Lent,
    failed: { readonly error: unknown; readonly commitAt: number | null },
  ): Promise<Error> {
    const failure = judgeFailure(failed.error, failed.commitAt);
    const hasKey = plan.request.idempotencyKey !== null;
    if (failure.phase !== 'before-commit' && !failure.isAnswered) {
      lent.giveBack('drop');
      const why = 'The connection was lost while the COMMIT was under way.';
      return outcomeUnknown(why, hasKey, failure.cause);
    }
    if (failure.phase === 'after-commit') {
      lent.giveBack('drop');
      return outcomeUnknown('PostgreSQL failed right after the COMMIT.', hasKey, failure.cause);
    }
    // The fence check is the step before the COMMIT and fails with division_by_zero.
    const isFenced =
      failure.sqlstate === '22012' &&
      failed.error instanceof ExchangeFailed &&
      failed.error.step + 1 === failed.commitAt;
    if (failure.isReadOnly || isFenced || !failure.isAnswered) {
      lent.giveBack('drop');
      const why = failure.isReadOnly
        ? 'the node is read-only'
        : isFenced
          ? 'the node is not open for this epoch'
          : 'the connection was lost';
      this.#options.onNotPrimary(plan.node, why);
      const message = `Nothing was done: ${why}.`;
      return new MeridianError('NotPrimary', message, { retryAfterMs: 200 }, failure.cause);
    }
    await this.#rollBack(lent);
    return errorOfFailure(failure);
  }

  async #rollBack(lent: Lent): Promise<void> {
    await lent.client.query(rollbackStep.sql).then(
      () => lent.giveBack('reset'),
      () => lent.giveBack('drop'),
    );
  }

  async #withinDeadline<T>(plan: WritePlan, work: Promise<T>): Promise<T> {
    return withDeadline(work, Math.max(1, this.#leftMs(plan.request)), () => {
      const message = 'The deadline passed before the COMMIT was sent; nothing was done.';
      return new MeridianError('DeadlineExceeded', message);
    });
  }

  #settings(request: DataRequest): ExchangeStep {
    const { caller, durability, requestId } = request;
    const statementTimeoutMs = this.#timeoutMs(request);
    return settingsStep({ caller, durability, requestId, statementTimeoutMs });
  }

  #leftMs(request: DataRequest): number {
    return request.deadlineMs - this.#options.clock.monotonicMs();
  }

  /** PostgreSQL ends a statement a little earlier than the router gives up. */
  #timeoutMs(request: DataRequest): number {
    const leftMs = this.#leftMs(request);
    return leftMs - Math.min(25, leftMs / 10);
  }
}

function readWrite(request: DataRequest): Parameters<typeof beginStep>[0] {
  return { isolation: request.isolation, isReadOnly: request.isReadOnly };
}

/** The look is the last step of an exchange that commits. */
function walLsnOf(reply: ExchangeReply): Lsn | null {
  return readLook(reply.results.at(-1)).walLsn;
}

function whyUnexpected(request: DataRequest, results: readonly StatementResult[]): string | null {
  for (const [index, { expectRows }] of request.statements.entries()) {
    const rows = results[index]?.rowCount ?? 0;
    if (expectRows !== undefined && rows !== expectRows) {
      return `Statement ${index + 1} gave ${rows} rows, ${expectRows} were expected.`;
    }
  }
  return null;
}
