/**
 * Runs a transaction that may write on the primary's node, in as few round trips as possible, and
 * says truthfully how it ended (DESIGN.md section 4).
 */
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import { failpoint } from '../../../../shared/runtime/failpoints.ts';
import type { NodeLook } from '../../core/node-position.ts';
import { referencesIn, resolveParams, splitAtReferences } from '../../core/statement-references.ts';
import type { NodePools } from '../node-pools.ts';
import { borrowPrimary } from './borrow-primary.ts';
import type { ExchangeReply, ExchangeStep } from './exchange.ts';
import {
  claimStep,
  identityOf,
  readStoredReply,
  roleStep,
  saveSteps,
  storedReplyStep,
  type KeyIdentity,
} from './idempotency.ts';
import { readLook } from './node-look.ts';
import { PrimarySession } from './primary-session.ts';
import type { SettledCommits } from '../settled-commits.ts';
import { beginStep, callerSteps, readXid, settingsStep, type KeptRows } from './session-steps.ts';

export interface WritePlan {
  /** Without statements it asks what became of the request under its idempotency key. */
  readonly request: DataRequest;
  readonly node: NodeId;
  readonly view: ClusterView;
  readonly touchesSession: boolean;
  readonly kept: KeptRows;
}

export interface WriteOutcome {
  readonly results: readonly StatementResult[];
  /** Seen after the COMMIT; null when nothing was committed or nobody could look. */
  readonly after: NodeLook | null;
  /** It changed something: its COMMIT has waited as was asked. */
  readonly hasWritten: boolean;
}

export interface RunnerOptions {
  readonly pools: NodePools;
  readonly clock: Clock;
  /** Told of every transaction whose COMMIT was answered as was asked. */
  readonly settled: SettledCommits;
  /** The node has refused a write as read-only or is not open: it is no primary any more. */
  readonly onNotPrimary: (node: NodeId, why: string) => void;
}

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
    const { request, node, view, touchesSession } = plan;
    const lent = await borrowPrimary(this.#options, plan.node, plan.request);
    const { clock, onNotPrimary } = this.#options;
    const { epoch } = view;
    const of = { lent, node, epoch, request, touchesSession, clock, onNotPrimary };
    const session = new PrimarySession(of);
    const isOne = request.idempotencyKey === null && request.statements.length === 1;
    const done = await (isOne ? runInOne(plan, session) : runInTwo(plan, session));
    if (done.reply === null) return { results: done.results, after: null, hasWritten: false };
    const xid = readXid(done.reply.results.at(-3));
    if (xid !== null) this.#options.settled.note(xid);
    const after = readLook(done.reply.results.at(-1));
    return { results: done.results, after, hasWritten: xid !== null };
  }
}

/** Results, and the answer to the exchange whose last steps are fence check, COMMIT and look. */
interface Done {
  readonly results: readonly StatementResult[];
  readonly reply: ExchangeReply | null;
}

/** BEGIN, settings, the statement, fence check, COMMIT and position in one flush. */
async function runInOne(plan: WritePlan, session: PrimarySession): Promise<Done> {
  const before = [beginStep(plan.request), settings(plan.request, session)];
  const own = callerSteps(plan.request.statements, forWriting(plan));
  const reply = await session.commit([...before, ...own]);
  return { results: reply.results.slice(before.length, -3), reply };
}

/** Everything but the COMMIT first: results are judged, or stored under the key, before it. */
async function runInTwo(plan: WritePlan, session: PrimarySession): Promise<Done> {
  const { request } = plan;
  const key = request.idempotencyKey;
  const identity = key === null ? null : identityOf(request, key);
  const before =
    identity === null
      ? [beginStep(request), settings(request, session)]
      : [beginStep(request), ...claimSteps(request, session, identity)];
  const results = await runStatements(plan, session, before);
  if (results === 'claimed') return repeat(plan, session, identity);
  const isQuestion = request.statements.length === 0;
  const why = whyUnexpected(request, results);
  if (isQuestion || why !== null) {
    await session.rollBack();
    if (why === null) return { results: [], reply: null };
    throw new MeridianError('StatementFailed', why, { hint: 'The transaction is rolled back.' });
  }
  await failpoint('router.before-commit');
  const save = identity === null ? [] : saveSteps(identity, results, request.caller.role);
  return { results, reply: await session.commit(save) };
}

/** The key is taken as the router, within the time-out, and then the caller's role. */
function claimSteps(
  request: DataRequest,
  session: PrimarySession,
  identity: KeyIdentity,
): ExchangeStep[] {
  const caller = { ...request.caller, role: 'none' };
  const asRouter = settings({ ...request, caller }, session);
  return [asRouter, claimStep(identity), roleStep(request.caller.role)];
}

/** Place of the claim behind BEGIN and the settings. */
const claimIndex = 2;

/** One exchange, or several where a statement refers to the results of earlier ones. */
async function runStatements(
  plan: WritePlan,
  session: PrimarySession,
  before: readonly ExchangeStep[],
): Promise<readonly StatementResult[] | 'claimed'> {
  const { request } = plan;
  const claimAt = request.idempotencyKey === null ? null : claimIndex;
  const results: StatementResult[] = [];
  for (const [index, group] of splitAtReferences(request.statements).entries()) {
    const resolved = group.map((statement) => {
      if (referencesIn(statement.params).length === 0) return statement;
      const params = resolveParams(statement.params, results);
      return params.kind === 'resolved' ? { ...statement, params: params.params } : params.why;
    });
    const problem = resolved.find((one) => typeof one === 'string');
    if (problem !== undefined) {
      await session.rollBack();
      throw new MeridianError('RequestInvalid', problem);
    }
    const statements = resolved.filter((one) => typeof one !== 'string');
    const first = index === 0 ? before : [];
    const steps = [...first, ...callerSteps(statements, forWriting(plan))];
    const answer = await session.run(steps, index === 0 ? claimAt : null);
    if (answer === 'claimed') return answer;
    results.push(...answer.slice(first.length));
  }
  return results;
}

/** The key was used before: its reply, under a lock, committed in the mode asked now. */
async function repeat(
  plan: WritePlan,
  session: PrimarySession,
  identity: KeyIdentity | null,
): Promise<Done> {
  if (identity === null) throw new RangeError('claimed without a key');
  const { request } = plan;
  const caller = { ...request.caller, role: 'none' };
  const begin = beginStep({ isolation: null, isReadOnly: false });
  const before = [begin, settings({ ...request, caller }, session)];
  const reply = await session.commit([...before, storedReplyStep(identity)]);
  const results = readStoredReply(reply.results[before.length], identity);
  return { results, reply };
}

/** PostgreSQL ends a statement a little earlier than the router gives up. */
function settings(request: DataRequest, { leftMs }: PrimarySession): ExchangeStep {
  const { caller, durability, requestId } = request;
  const statementTimeoutMs = leftMs - Math.min(100, leftMs / 4);
  return settingsStep({ caller, durability, requestId, statementTimeoutMs });
}

function forWriting({ kept }: WritePlan): Parameters<typeof callerSteps>[1] {
  return { ...kept, mustFinish: true };
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
