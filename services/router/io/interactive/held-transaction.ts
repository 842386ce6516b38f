/**
 * One interactive transaction of this process: its connection to the primary's node and where it
 * is in its life. It is rolled back by whatever ends it but its own COMMIT.
 */
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import { isMeridianError, type MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import {
  stepOpenTransaction,
  type OpenTransaction,
  type TransactionBounds,
  type TransactionEffect,
  type TransactionEnd,
  type TransactionInput,
} from '../../core/open-transaction.ts';
import type { Lent, NodePools } from '../node-pools.ts';
import { bounded } from '../sql/bounded.ts';
import { runExchange, type ExchangeStep } from '../sql/exchange.ts';
import { lookStep, readLook } from '../sql/node-look.ts';
import { PrimarySession } from '../sql/primary-session.ts';
import { readXid, rollbackStep } from '../sql/session-steps.ts';
import { errorOfFailure, judgeFailure } from '../sql/sql-failure.ts';
import type { WriteOutcome } from '../sql/transaction-runner.ts';
import { busyError, endedError } from './transaction-errors.ts';

export interface HeldOptions {
  readonly lent: Lent;
  readonly node: NodeId;
  /** As it was when the transaction began. */
  readonly view: ClusterView;
  readonly begun: DataRequest;
  readonly pools: NodePools;
  readonly clock: Clock;
  readonly bounds: TransactionBounds;
  /** Told once, when it has ended. */
  readonly onEnd: (end: TransactionEnd) => void;
  readonly onNotPrimary: (node: NodeId, why: string) => void;
}

export class HeldTransaction {
  readonly #options: HeldOptions;
  #state: OpenTransaction;
  #touchesSession = false;
  #isReported = false;

  constructor(options: HeldOptions) {
    this.#options = options;
    const nowMs = options.clock.monotonicMs();
    this.#state = { kind: 'idle', openedMs: nowMs, sinceMs: nowMs };
  }

  get begun(): DataRequest {
    return this.#options.begun;
  }

  get at(): { readonly node: NodeId; readonly view: ClusterView } {
    const { node, view } = this.#options;
    return { node, view };
  }

  get end(): TransactionEnd | null {
    return this.#state.kind === 'ended' ? this.#state.end : null;
  }

  /** Throws what PostgreSQL says, after which the transaction is aborted as it is there. */
  async query(
    steps: readonly ExchangeStep[],
    request: DataRequest,
    touchesSession: boolean,
  ): Promise<readonly StatementResult[]> {
    const { lent, clock } = this.#options;
    this.#call('query');
    this.#touchesSession ||= touchesSession;
    const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
    try {
      const { results } = await bounded(runExchange(lent.client, steps), leftMs, request.signal);
      this.#step({ kind: 'answered', nowMs: clock.monotonicMs() });
      this.#throwIfEnded();
      return results;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Throws as `TransactionRunner.run` does; StatementFailed of 25P02 when it was aborted. */
  async commit(
    steps: readonly ExchangeStep[],
    request: DataRequest,
    onSettled: (xid: number) => void,
  ): Promise<WriteOutcome> {
    this.#call('commit');
    const { lent, node, view, clock, onNotPrimary } = this.#options;
    const touchesSession = this.#touchesSession;
    const { epoch } = view;
    const of = { lent, node, epoch, request, touchesSession, clock, onNotPrimary };
    try {
      const { results } = await new PrimarySession(of).commit(steps);
      const xid = readXid(results.at(-3));
      if (xid !== null) onSettled(xid);
      this.#step({ kind: 'finished', end: 'committed' });
      return { results: [], after: readLook(results.at(-1)), hasWritten: xid !== null };
    } catch (error) {
      const end = isMeridianError(error, 'CommitOutcomeUnknown')
        ? 'unknown'
        : isMeridianError(error, 'NotPrimary')
          ? 'primaryMoved'
          : 'rolledBack';
      this.#step({ kind: 'finished', end });
      throw end === 'primaryMoved' ? endedError(end) : error;
    }
  }

  /** What was visible at its end; null when the connection was lost meanwhile. */
  async rollBack(): Promise<WriteOutcome> {
    if (this.end === 'rolledBack') return { results: [], after: null, hasWritten: false };
    const { effect } = this.#move({ kind: 'called', call: 'rollback', nowMs: this.#nowMs() });
    if (effect.kind === 'refuse') throw this.#refusal(effect.why);
    const after = await this.#rollBackNow();
    this.#report();
    return { results: [], after, hasWritten: false };
  }

  /** Ends it, unless its COMMIT is under way. */
  interrupt(end: 'primaryMoved' | 'stopping' | 'abandoned'): void {
    this.#step({ kind: 'interrupted', end });
  }

  tick(): void {
    this.#step({ kind: 'ticked', nowMs: this.#nowMs() });
  }

  #call(call: 'query' | 'commit'): void {
    const { effect } = this.#move({ kind: 'called', call, nowMs: this.#nowMs() });
    if (effect.kind === 'refuse') throw this.#refusal(effect.why);
  }

  #refusal(why: 'busy' | 'ended'): MeridianError {
    return why === 'ended' && this.end !== null ? endedError(this.end) : busyError();
  }

  #throwIfEnded(): void {
    if (this.end !== null) throw endedError(this.end);
  }

  /** The error to throw for a failed statement. */
  #failed(error: unknown): unknown {
    if (this.end !== null) return endedError(this.end);
    if (isMeridianError(error)) {
      this.interrupt('abandoned');
      return error;
    }
    const failure = judgeFailure(error, null);
    if (failure.isAnswered) {
      this.#step({ kind: 'answered', nowMs: this.#nowMs() });
      return errorOfFailure(failure);
    }
    this.#options.lent.giveBack('drop');
    this.#step({ kind: 'finished', end: 'connectionLost' });
    return endedError('connectionLost');
  }

  #step(input: TransactionInput): void {
    const { effect } = this.#move(input);
    if (effect.kind === 'rollBack') void this.#rollBackNow();
    if (effect.kind === 'cancel') {
      const { pools, node, lent } = this.#options;
      pools.cancel(node, lent).catch(() => undefined);
    }
    this.#report();
  }

  #move(input: TransactionInput): { readonly effect: TransactionEffect } {
    const { state, effect } = stepOpenTransaction(this.#state, input, this.#options.bounds);
    this.#state = state;
    return { effect };
  }

  async #rollBackNow() {
    const { lent } = this.#options;
    try {
      const work = runExchange(lent.client, [rollbackStep, lookStep]);
      const { results } = await bounded(work, rollBackMsMax, undefined);
      lent.giveBack(this.#touchesSession ? 'reset' : 'keep');
      return readLook(results.at(-1));
    } catch {
      lent.giveBack('drop');
      return null;
    }
  }

  #report(): void {
    if (this.end === null || this.#isReported) return;
    this.#isReported = true;
    this.#options.onEnd(this.end);
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** A connection that does not even roll back in this time is closed, which does. */
const rollBackMsMax = 5000;
