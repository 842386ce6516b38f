/**
 * The interactive transactions that this process holds on the primary's node: bounded in number and
 * time, ended at once when the primary changes, and remembered for a while after their end.
 */
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Metrics } from '../../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../../shared/metrics/names.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataReply, DataRequest } from '../../../../shared/ports/data-access.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { keptRows, type RouterConfig } from '../../config.ts';
import { isOpenFor } from '../../core/node-position.ts';
import type { TransactionEnd } from '../../core/open-transaction.ts';
import { dataReply } from '../data-reply.ts';
import type { NodePools } from '../node-pools.ts';
import type { PrimaryPosition } from '../primary-position.ts';
import type { PrimaryWork } from '../primary-work.ts';
import type { SettledCommits } from '../settled-commits.ts';
import { borrowPrimary } from '../sql/borrow-primary.ts';
import { readLook } from '../sql/node-look.ts';
import { PrimarySession } from '../sql/primary-session.ts';
import { callerSteps } from '../sql/session-steps.ts';
import { HeldTransaction } from './held-transaction.ts';
import { endedError, unknownTransaction } from './transaction-errors.ts';
import { keySteps, openingSteps } from './transaction-steps.ts';

export interface OpenTransactionsOptions {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly pools: NodePools;
  readonly positions: PrimaryPosition;
  readonly primary: PrimaryWork;
  readonly settled: SettledCommits;
  readonly view: () => ClusterView;
  readonly leaseLeftMs: () => number;
  readonly onNotPrimary: (node: HeldTransaction['at']['node'], why: string) => void;
  readonly makeId: () => string;
}

interface Known {
  readonly held: HeldTransaction;
  readonly caller: string;
  /** Null while it is open. */
  endedMs: number | null;
  /** The same COMMIT asked again is told the same. */
  told: { readonly reply: DataReply } | { readonly error: unknown } | null;
}

/** Ends are remembered for so long, so many of them. */
const rememberMs = 60_000;
const rememberedMax = 5000;
/** PostgreSQL ends what this process has lost a little later than the process itself would. */
const serverIdleExtraMs = 5000;

export class OpenTransactions {
  readonly #options: OpenTransactionsOptions;
  readonly #known = new Map<string, Known>();
  readonly #ended;
  /** Open and being opened, by caller. */
  readonly #open = new Map<string, number>();
  #ticking: NodeJS.Timeout | null = null;
  #isStopping = false;

  constructor(options: OpenTransactionsOptions) {
    this.#options = options;
    this.#ended = options.metrics.counter(metricNames.routerTransactionsEnded);
    const open = options.metrics.gauge(metricNames.routerOpenTransactions);
    open.set(0);
    this.#noteOpen = () => open.set(this.#openCount());
  }

  readonly #noteOpen: () => void;

  /** Throws RateLimited, Draining, NotPrimary (nothing was done), and what a BEGIN may throw. */
  async begin(request: DataRequest, view: ClusterView): Promise<DataReply> {
    const caller = callerOf(request);
    this.#admit(caller);
    this.#count(caller, 1);
    let held: HeldTransaction | null = null;
    try {
      held = await this.#begin(request, view);
      this.#checkStillPrimary(held);
      const id = this.#options.makeId();
      this.#known.set(id, { held, caller, endedMs: null, told: null });
      this.#startTicking();
      const { node } = held.at;
      const position = { position: null, isUpperBound: false };
      const { region } = view;
      const served = { results: [], region, node, position, stalenessMs: 0, rest: null };
      return { ...dataReply(request, served), consistency: 'strong', transactionId: id };
    } catch (error) {
      if (held === null) this.#count(caller, -1);
      throw error;
    }
  }

  /** Throws StatementFailed, DeadlineExceeded, StaleEpoch; see `endedError`. */
  async query(id: string, request: DataRequest, touchesSession: boolean): Promise<DataReply> {
    const { held } = this.#find(id, request);
    const kept = keptRows(this.#options.config.limits);
    const steps = callerSteps(request.statements, { ...kept, mustFinish: true });
    const results = await held.query(steps, request, touchesSession);
    this.#checkStillPrimary(held);
    const { node, view } = held.at;
    const position = { position: null, isUpperBound: false };
    const served = { results, region: view.region, node, position, stalenessMs: 0, rest: null };
    return { ...dataReply(held.begun, served), consistency: 'strong' };
  }

  /** In the mode asked at its beginning. */
  async commit(id: string, request: DataRequest): Promise<DataReply> {
    const known = this.#find(id, request);
    const { held, told } = known;
    if (told !== null && 'reply' in told) return told.reply;
    if (told !== null) throw told.error;
    if (held.end !== null) throw endedError(held.end);
    const { primary, settled } = this.#options;
    const { idempotencyKey, deadlineMs } = request;
    const asked = { ...held.begun, idempotencyKey, deadlineMs };
    const steps = keySteps(held.begun, id, idempotencyKey);
    try {
      const outcome = await held.commit(steps, asked, (xid) => settled.note(xid));
      const reply = await primary.settle(asked, outcome, held.at);
      known.told = { reply };
      return reply;
    } catch (error) {
      const problem = usedKey(error) ?? error;
      if (held.end !== null) known.told = { error: problem };
      throw problem;
    }
  }

  /** The reply's position covers what the transaction has read. */
  async rollBack(id: string, request: DataRequest): Promise<DataReply> {
    const { held } = this.#find(id, request);
    const { after } = await held.rollBack();
    const { view, node } = held.at;
    const { positions, config } = this.#options;
    const lsn = after?.walLsn ?? null;
    const isSame = after !== null && isOpenFor(after, view);
    const position =
      lsn === null || !isSame
        ? { position: null, isUpperBound: false }
        : await positions.recordAt(lsn, view, config.positionWaitMs);
    const served = { results: [], region: view.region, node, position, stalenessMs: 0, rest: null };
    return { ...dataReply(held.begun, served), consistency: 'strong' };
  }

  /** The view has changed: what was begun under another primary is over. */
  recheck(): void {
    for (const { held, endedMs } of this.#known.values()) {
      if (endedMs === null && !this.#isStillPrimary(held)) held.interrupt('primaryMoved');
    }
  }

  /** Takes no more; those that are open may end by themselves for a while. */
  async drain(): Promise<void> {
    this.#isStopping = true;
    const { clock, config } = this.#options;
    const endMs = clock.monotonicMs() + config.transactions.drainMs;
    while (this.#openCount() > 0 && clock.monotonicMs() < endMs) await sleep(10);
    for (const { held } of this.#known.values()) held.interrupt('stopping');
  }

  stop(): void {
    this.#isStopping = true;
    if (this.#ticking !== null) clearInterval(this.#ticking);
    for (const { held } of this.#known.values()) held.interrupt('stopping');
  }

  #admit(caller: string): void {
    if (this.#isStopping) {
      const details = { retryAfterMs: 1000 };
      throw new MeridianError('Draining', 'Nothing was done: this process is stopping.', details);
    }
    const { openMax, openMaxPerCaller } = this.#options.config.transactions;
    const own = this.#open.get(caller) ?? 0;
    if (own < openMaxPerCaller && this.#openCount() < openMax) return;
    const whose = own < openMaxPerCaller ? '' : ' of this caller';
    const message = `Too many transactions${whose} are open.`;
    const hint = 'Send whole transactions with POST /v1/transaction: they hold nothing open.';
    throw new MeridianError('RateLimited', message, { retryAfterMs: 200, hint });
  }

  async #begin(request: DataRequest, view: ClusterView): Promise<HeldTransaction> {
    const { config, clock, pools, positions, onNotPrimary } = this.#options;
    const { node } = view;
    if (node === null) throw new MeridianError('NotPrimary', 'The region has no node yet.');
    const deadlineMs = Math.min(request.deadlineMs, clock.monotonicMs() + config.tokenWaitMs);
    const { token } = request;
    if (token !== null) await positions.awaitVisible(token, { node, view, deadlineMs });
    const lent = await borrowPrimary(this.#options, node, request);
    const bounds = {
      idleMs: config.transactions.idleTimeoutMs,
      lifeMs: config.transactions.lifetimeMsMax,
    };
    const opening = openingSteps(request, {
      statementTimeoutMs: config.limits.deadlineMsMax,
      idleTimeoutMs: bounds.idleMs + serverIdleExtraMs,
    });
    const { epoch } = view;
    const of = { lent, node, epoch, request, touchesSession: false, clock, onNotPrimary };
    const session = new PrimarySession(of);
    const results = await session.run(opening);
    if (results === 'claimed' || !isOpenFor(readLook(results.at(-1)), view)) {
      await session.rollBack();
      throw new MeridianError('NotPrimary', 'The node is not open for this epoch.');
    }
    const caller = callerOf(request);
    const held: HeldTransaction = new HeldTransaction({
      ...{ lent, node, view, begun: request, pools, clock, bounds, onNotPrimary },
      onEnd: (end) => this.#noteEnd(held, caller, end),
    });
    return held;
  }

  #noteEnd(held: HeldTransaction, caller: string, end: TransactionEnd): void {
    this.#count(caller, -1);
    this.#ended.inc({ why: end });
    const known = [...this.#known.values()].find((one) => one.held === held);
    if (known !== undefined) known.endedMs = this.#options.clock.monotonicMs();
  }

  /** Throws when what was just read or opened must not be told: another region may be primary. */
  #checkStillPrimary(held: HeldTransaction): void {
    if (this.#isStillPrimary(held) && this.#options.leaseLeftMs() > 0) return;
    held.interrupt('primaryMoved');
    throw endedError('primaryMoved');
  }

  #isStillPrimary({ at }: HeldTransaction): boolean {
    const view = this.#options.view();
    const isOpen = view.role === 'primary' && view.isOpen && view.prepare === null;
    return isOpen && view.epoch === at.view.epoch && view.node === at.node;
  }

  #find(id: string, request: DataRequest): Known {
    const known = this.#known.get(id);
    if (known === undefined) throw unknownTransaction();
    if (known.caller === callerOf(request)) return known;
    throw new MeridianError('Forbidden', 'The transaction belongs to another caller.');
  }

  #openCount(): number {
    let open = 0;
    for (const count of this.#open.values()) open += count;
    return open;
  }

  #count(caller: string, by: number): void {
    const next = (this.#open.get(caller) ?? 0) + by;
    if (next <= 0) this.#open.delete(caller);
    else this.#open.set(caller, next);
    this.#noteOpen();
  }

  #startTicking(): void {
    const { idleTimeoutMs } = this.#options.config.transactions;
    const everyMs = Math.min(1000, Math.max(20, idleTimeoutMs / 10));
    this.#ticking ??= setInterval(() => this.#tick(), everyMs).unref();
  }

  #tick(): void {
    const oldestMs = this.#options.clock.monotonicMs() - rememberMs;
    for (const [id, { held, endedMs }] of this.#known) {
      if (endedMs === null) held.tick();
      else if (endedMs < oldestMs || this.#known.size > rememberedMax) this.#known.delete(id);
    }
    if (this.#known.size > 0 || this.#ticking === null) return;
    clearInterval(this.#ticking);
    this.#ticking = null;
  }
}

function callerOf({ caller }: DataRequest): string {
  return `${caller.role}/${caller.subject}`;
}

/** A key that stands for something else rolls the transaction back. */
function usedKey(error: unknown): MeridianError | null {
  if (!isMeridianError(error, 'StatementFailed')) return null;
  const { sqlstate, schema, table } = error.details;
  if (sqlstate !== '23505' || schema !== 'meridian' || table !== 'idempotency') return null;
  const hint = 'Use a new Idempotency-Key for each different request.';
  const message = 'The key was used for another request; the transaction is rolled back.';
  return new MeridianError('RequestInvalid', message, { hint }, error);
}
