/**
 * One request from its arrival to its last byte: admission, region, attempts at upstreams of the
 * own region or at another region's gateway, retries, hedging, deadline.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RegionId } from '../../shared/core/region.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { logExchange } from './access-log.ts';
import { admit, type Admission } from './admission.ts';
import { AttemptLedger } from './attempt-ledger.ts';
import type { ReplyHeaders } from './core/header-rules.ts';
import { isIdempotent, judgeRetry, parseRetryAfter, type Failure } from './core/retry-policy.ts';
import { headerOf, takeIn, type Intake } from './intake.ts';
import { Attempt, verdictOf, wasNotSent, type AttemptEvents } from './io/attempt.ts';
import type { Due } from './io/deadlines.ts';
import { takeBody, type RequestBody } from './io/request-body.ts';
import { outgoingRequest } from './outgoing-request.ts';
import * as replies from './reply-writing.ts';
import type { GatewayRuntime } from './runtime.ts';
import { groupOf, isRegionLeft, nextTarget, regionOrder } from './target-choice.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: string;
  /** The gateway takes nothing new: the connection is to be closed after this reply. */
  readonly isLast: boolean;
}

export interface FlowOwner {
  /** Called once per flow. */
  onFlowOver(): void;
}

const keptBytesMax = 65_536;

export class RequestFlow implements AttemptEvents, Due {
  readonly #runtime: GatewayRuntime;
  readonly #exchange: Exchange;
  readonly #owner: FlowOwner;
  readonly #startMs: number;
  readonly #ledger: AttemptLedger;
  #intake: Intake | null = null;
  #admission: Admission | null = null;
  #order: readonly RegionId[] = [];
  #body: RequestBody | null = null;
  #headMs = 0;
  deadlineMs = Infinity;
  /** A retry that is due, or a hedge. */
  #pause: NodeJS.Timeout | null = null;
  #errorCode = '';
  #isOver = false;

  constructor(runtime: GatewayRuntime, given: Exchange, owner: FlowOwner) {
    this.#runtime = runtime;
    this.#exchange = given;
    this.#owner = owner;
    this.#ledger = new AttemptLedger(runtime);
    this.#startMs = runtime.clock.monotonicMs();
  }

  start(): void {
    const { request } = this.#exchange;
    replies.onGone(this.#exchange, () => this.#finish());
    if (this.#isOver) return; // The client has left already.
    this.#runtime.retryBudget.record(this.#startMs);
    try {
      const intake = takeIn(this.#runtime, request);
      this.#intake = intake;
      this.#setDeadline(intake);
      const admission = admit(this.#runtime, intake, request);
      if (admission instanceof Promise) {
        admission.then(
          (admitted) => this.#proceed(intake, admitted),
          (error: unknown) => this.#fail(error),
        );
      } else {
        this.#proceed(intake, admission);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  onHead(attempt: Attempt, status: number, headers: ReplyHeaders): 'pass' | 'discard' {
    const target = this.#ledger.targetOf(attempt);
    const intake = this.#intake;
    const admission = this.#admission;
    if (target === null || intake === null || admission === null) return 'discard';
    const nowMs = this.#runtime.clock.monotonicMs();
    this.#ledger.settle(attempt, status < 500, nowMs - attempt.sentMs);
    const head = { status, headers, isGateway: replies.isGatewayReply(target, headers) };
    if (this.#isTriedAgain(intake, head)) {
      this.#ledger.release(attempt);
      return 'discard';
    }
    this.#ledger.abandon(attempt);
    this.#ledger.stopWaiting();
    this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    replies.passHead(this.#runtime, this.#exchange, {
      ...{ intake, admission, head, target, attempts: this.#ledger.attempts },
      upstreamMs: this.#ledger.upstreamMs,
      overheadMs: this.#headMs - this.#ledger.upstreamMs,
    });
    this.#runtime.deadlines.forget(this);
    return 'pass';
  }

  onInformation(status: number, headers: ReplyHeaders): void {
    replies.passHints(this.#exchange.reply, status, headers);
  }

  onDeadline(): void {
    // A client in a hurry says nothing of the upstream.
    if (this.deadlineMs - this.#startMs >= (this.#intake?.route.config.timeouts.totalMs ?? 0)) {
      this.#ledger.timeOut();
    }
    this.#fail(new MeridianError('DeadlineExceeded', 'The deadline of the request passed.'));
  }

  onDone(attempt: Attempt): void {
    this.#ledger.release(attempt);
  }

  onFailed(attempt: Attempt, error: Error): void {
    const target = this.#ledger.targetOf(attempt);
    if (target === null) return;
    this.#ledger.settle(attempt, verdictOf(error), null);
    this.#ledger.release(attempt);
    if (attempt.hasHead) {
      this.#errorCode = 'cut';
      replies.cutShort(this.#exchange.reply);
      return;
    }
    if (target.kind === 'region') this.#runtime.regions.suspect(target.region);
    if (this.#ledger.size > 0) return;
    if (this.#retry({ kind: wasNotSent(error) ? 'not-sent' : 'no-head' }, error)) return;
    this.#fail(replies.failureOf(error));
  }

  /** Admitted: find the region, take the body, make the first attempt. */
  #proceed(intake: Intake, admission: Admission): void {
    if (this.#isOver) return;
    this.#admission = admission;
    const { reply } = this.#exchange;
    if (admission.answer !== null) {
      replies.writeHead(reply, admission.answer.status, admission.answer.headers);
      reply.end();
      return;
    }
    try {
      this.#order = regionOrder(this.#runtime, intake, admission);
      if (replies.redirect(this.#runtime, this.#exchange, { intake, order: this.#order })) return;
      this.#takeBody(intake);
      this.#tryNext(null);
    } catch (error) {
      this.#fail(error);
    }
  }

  #tryNext(lastError: Error | null): void {
    const intake = this.#intake;
    const admission = this.#admission;
    if (this.#isOver || intake === null || admission === null) return;
    const { request, reply, requestId } = this.#exchange;
    const question = { request, intake, admission, order: this.#order, tried: this.#ledger.tried };
    const target = nextTarget(this.#runtime, question);
    if (target === null || (target.kind === 'instance' && !target.group.hasRoom())) {
      if (this.#ledger.size > 0) return;
      this.#fail(replies.noTarget(groupOf(this.#runtime, intake), target, lastError));
      return;
    }
    const nowMs = this.#runtime.clock.monotonicMs();
    const sent = { atMs: nowMs, canRepeat: this.#isIdempotent() };
    const attempt = new Attempt(reply, this, sent);
    const outgoing = outgoingRequest(this.#runtime, request, {
      ...{ intake, admission, requestId, target },
      remainingMs: this.deadlineMs - nowMs,
      body: this.#body?.open() ?? null,
    });
    this.#ledger.send(attempt, target, outgoing);
    this.#hedge(intake);
  }

  /** A second attempt elsewhere when the first has not answered by then. */
  #hedge(intake: Intake): void {
    const { hedgeAfterMs } = intake.route.config;
    if (hedgeAfterMs === undefined || this.#ledger.attempts > 1) return;
    if (this.#body !== null || !this.#isIdempotent()) return;
    this.#pause = setTimeout(() => {
      if (this.#ledger.size !== 1 || this.#exchange.reply.headersSent) return;
      if (!this.#runtime.retryBudget.take(this.#runtime.clock.monotonicMs())) return;
      this.#runtime.meters.retry('hedged');
      this.#tryNext(null);
    }, hedgeAfterMs);
  }

  #isTriedAgain(intake: Intake, { status, headers, isGateway }: replies.Head): boolean {
    // What another region's gateway passes on was retried there already.
    if (isGateway && headers['meridian-error'] === undefined) return false;
    if (isGateway && !isRegionLeft(this.#order, this.#ledger.tried)) return false;
    if (!intake.route.config.retry.statuses.includes(status)) return false;
    if (this.#ledger.size > 1) return true;
    // Another region need not wait for what this one asks.
    const asked = isGateway ? undefined : headers['retry-after'];
    const wallMs = this.#runtime.clock.wallMs();
    const retryAfterMs = parseRetryAfter(typeof asked === 'string' ? asked : undefined, wallMs);
    return this.#retry({ kind: 'status', status, retryAfterMs }, null);
  }

  /** Whether the attempt will be made again. */
  #retry(failure: Failure, error: Error | null): boolean {
    if (this.#isOver || this.#intake === null) return false;
    const nowMs = this.#runtime.clock.monotonicMs();
    const facts = {
      failure,
      attempts: this.#ledger.attempts,
      isIdempotent: this.#isIdempotent(),
      isReplayable: this.#body === null || this.#body.isReplayable,
      remainingMs: this.deadlineMs - nowMs,
      draw: Math.random(),
      takeBudget: () => this.#runtime.retryBudget.take(nowMs),
    };
    const verdict = judgeRetry(facts, this.#intake.route.config.retry);
    this.#runtime.meters.retry(verdict.kind === 'retry' ? 'retried' : verdict.why);
    if (verdict.kind === 'give-up') return false;
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#tryNext(error), verdict.delayMs);
    return true;
  }

  #setDeadline(intake: Intake): void {
    const given = headerOf(this.#exchange.request, 'meridian-deadline-ms');
    const asked = given === undefined ? NaN : Number(given);
    const { totalMs } = intake.route.config.timeouts;
    this.deadlineMs = this.#startMs + (asked > 0 ? Math.min(asked, totalMs) : totalMs);
    this.#runtime.deadlines.watch(this);
  }

  #takeBody(intake: Intake): void {
    const { requestBytesMax, timeouts } = intake.route.config;
    const limits = { keptBytesMax, bytesMax: requestBytesMax, idleMs: timeouts.idleMs };
    this.#body = takeBody(this.#exchange.request, limits, (error) => this.#fail(error));
  }

  #isIdempotent(): boolean {
    const { method, headers } = this.#exchange.request;
    return isIdempotent(method ?? 'GET', headers['idempotency-key'] !== undefined);
  }

  /** Answers with a problem, or cuts the connection when the head has gone out. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#ledger.abandon(null);
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    const { reply } = this.#exchange;
    if (reply.headersSent) {
      replies.cutShort(reply);
      return;
    }
    const facts = { attempts: this.#ledger.attempts, intake: this.#intake };
    const { region } = this.#runtime;
    this.#errorCode = replies.sendProblem(this.#exchange, error, { ...facts, region });
  }

  /** The connection has taken the last byte, or is gone. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#runtime.deadlines.forget(this);
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#ledger.abandon(null);
    this.#body?.discard();
    const { request, reply, requestId } = this.#exchange;
    const status = replies.isComplete(reply) ? reply.statusCode : 0;
    logExchange(
      this.#runtime,
      { request, requestId, status },
      {
        intake: this.#intake,
        upstream: this.#ledger.last?.label ?? null,
        attempts: this.#ledger.attempts,
        durationMs: this.#runtime.clock.monotonicMs() - this.#startMs,
        overheadMs: Math.max(0, this.#headMs - this.#ledger.upstreamMs),
        errorCode: this.#errorCode,
      },
    );
    this.#owner.onFlowOver();
  }
}
