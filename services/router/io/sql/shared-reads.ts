/**
 * Quick reads of one node that come in the same moment share a flush: one look, one snapshot that
 * is newer than each of them, one Sync. A read that turns out to be slow or to fail is run alone,
 * so that the others neither wait for it nor hear of it.
 */
import type { NodeId } from '../../../../shared/core/node.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { StatementResult } from '../../../../shared/ports/data-access.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import { bounded } from './bounded.ts';
import { ExchangeFailed, runExchange, type ExchangeStep } from './exchange.ts';
import { lookWithSettings, readLook } from './node-look.ts';
import type { ReadOutcome, ReadPlan } from './read-runner.ts';
import { callerSteps, settingsStep, type SessionSettings } from './session-steps.ts';
import { judgeFailure } from './sql-failure.ts';

export interface SharedReadsOptions {
  readonly pools: NodePools;
  readonly clock: Clock;
  readonly runAlone: (plan: ReadPlan) => Promise<ReadOutcome>;
}

interface Member {
  readonly plan: ReadPlan;
  readonly resolve: (outcome: ReadOutcome | Promise<ReadOutcome>) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads of one flush: the last waits for the first. */
const membersMax = 8;
/** PostgreSQL ends a statement of a shared flush after this long; it is then run alone. */
const quickMsMax = 50;
/** A result larger than this keeps the others waiting while it is sent. */
const quickRowsMax = 100;
/** What was not quick is run alone for so long. */
const aloneMs = 60_000;
const rememberedMax = 5000;
const queryCancelled = '57014';

export class SharedReads {
  readonly #options: SharedReadsOptions;
  /** By node and role. */
  readonly #gathering = new Map<string, Member[]>();
  /** Texts that were not quick, until when. */
  readonly #alone = new Map<string, number>();

  constructor(options: SharedReadsOptions) {
    this.#options = options;
  }

  /** Whether `plan` may share: one statement, often seen, and quick as far as is known. */
  takes({ request, isRepeated, touchesSession }: ReadPlan): boolean {
    const [statement, ...others] = request.statements;
    if (!isRepeated || touchesSession || statement === undefined || others.length > 0) return false;
    if (request.isTransaction || request.isStream === true) return false;
    const untilMs = this.#alone.get(statement.sql);
    return untilMs === undefined || untilMs <= this.#options.clock.monotonicMs();
  }

  /** Throws as `ReadRunner.run` does. */
  run(plan: ReadPlan): Promise<ReadOutcome> {
    const { request, node } = plan;
    const key = `${node} ${request.caller.role}`;
    const outcome = new Promise<ReadOutcome>((resolve, reject) => {
      const member = { plan, resolve, reject };
      const gathering = this.#gathering.get(key);
      if (gathering !== undefined && gathering.length < membersMax) {
        gathering.push(member);
        return;
      }
      const members = [member];
      this.#gathering.set(key, members);
      setImmediate(() => {
        if (this.#gathering.get(key) === members) this.#gathering.delete(key);
        void this.#runAll(members, node);
      });
    });
    const leftMs = request.deadlineMs - this.#options.clock.monotonicMs();
    return bounded(outcome, Math.max(1, leftMs), request.signal);
  }

  /** Never throws: each member is told. */
  async #runAll(members: readonly Member[], node: NodeId): Promise<void> {
    const [only] = members;
    if (only !== undefined && members.length === 1) {
      only.resolve(this.#options.runAlone(only.plan));
      return;
    }
    const role = only?.plan.request.caller.role ?? '';
    const deadlineMs = Math.max(...members.map(({ plan }) => plan.request.deadlineMs));
    let lent: Lent;
    try {
      lent = await this.#options.pools.borrow(node, role, deadlineMs);
    } catch (error) {
      for (const { reject } of members) reject(error);
      return;
    }
    const { steps, ownAt } = stepsOf(members);
    try {
      const { results } = await runExchange(lent.client, steps);
      lent.giveBack('keep');
      this.#tell(members, results, ownAt);
    } catch (error) {
      this.#failed(members, { error, lent, ownAt });
    }
  }

  /** Those that were answered before the failure are told; all others are run alone. */
  #failed(
    members: readonly Member[],
    of: { readonly error: unknown; readonly lent: Lent; readonly ownAt: readonly number[] },
  ): void {
    const { error, lent, ownAt } = of;
    const results = error instanceof ExchangeFailed ? error.results : [];
    const failure = error instanceof ExchangeFailed ? judgeFailure(error, null) : null;
    // PostgreSQL's answer ends the implicit transaction at its Sync: nothing is left behind.
    lent.giveBack(failure?.isAnswered === true ? 'keep' : 'drop');
    const answered = ownAt.filter((at) => at < results.length).length;
    this.#tell(members.slice(0, answered), results, ownAt);
    const rest = members.slice(answered);
    if (failure?.sqlstate === queryCancelled) this.#noteSlow(rest[0]);
    for (const { plan, resolve } of rest) resolve(this.#options.runAlone(plan));
  }

  #tell(
    members: readonly Member[],
    results: readonly StatementResult[],
    ownAt: readonly number[],
  ): void {
    if (members.length === 0) return;
    const look = readLook(results[0]);
    for (const [index, member] of members.entries()) {
      const own = results[ownAt[index] ?? -1];
      if (own === undefined) continue;
      if (own.rows.length > quickRowsMax) this.#noteSlow(member);
      member.resolve({ results: [own], before: look, after: look, rest: null });
    }
  }

  #noteSlow(member: Member | undefined): void {
    const sql = member?.plan.request.statements[0]?.sql;
    if (sql === undefined) return;
    if (this.#alone.size >= rememberedMax) this.#alone.clear();
    this.#alone.set(sql, this.#options.clock.monotonicMs() + aloneMs);
  }
}

/** The look, then each member's statement, behind its caller's settings where they change. */
function stepsOf(members: readonly Member[]): {
  readonly steps: readonly ExchangeStep[];
  /** Where each member's statement is. */
  readonly ownAt: readonly number[];
} {
  const steps: ExchangeStep[] = [];
  const ownAt: number[] = [];
  let claims: object | null = null;
  for (const { plan } of members) {
    const { caller, requestId, statements } = plan.request;
    const settings: SessionSettings = {
      caller,
      requestId,
      durability: 'async',
      statementTimeoutMs: quickMsMax,
    };
    if (claims === null) steps.push(lookWithSettings(settings));
    else if (claims !== caller.claims) steps.push(settingsStep(settings));
    claims = caller.claims;
    ownAt.push(steps.length);
    const of = { ...plan.kept, mustFinish: false, isRepeated: true, isOwnReply: true };
    steps.push(...callerSteps(statements, of));
  }
  return { steps, ownAt };
}
