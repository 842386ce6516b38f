/**
 * One request from its arrival to its last byte: attempts at upstreams of the own region or at
 * another region's gateway, retries, deadline, and what is told to metrics and access log.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import type { ReplyHeaders } from './core/header-rules.ts';
import { isIdempotent, judgeRetry, parseRetryAfter, type Failure } from './core/retry-policy.ts';
import * as exchange from './exchange-headers.ts';
import { headerOf, takeIn, type Intake } from './intake.ts';
import { Attempt, AttemptAborted, wasNotSent, type AttemptEvents } from './io/attempt.ts';
import { hasBody, RequestBody } from './io/request-body.ts';
import type { GatewayRuntime } from './runtime.ts';
import { keyOf, labelOf, nextTarget, type Target } from './target-choice.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: string;
  /** The gateway takes nothing new: the connection is to be closed after this reply. */
  readonly isLast: boolean;
}

const keptBytesMax = 65_536;

export class RequestFlow implements AttemptEvents {
  readonly #runtime: GatewayRuntime;
  readonly #exchange: Exchange;
  readonly #onOver: () => void;
  readonly #startMs: number;
  readonly #tried = new Set<string>();
  #intake: Intake | null = null;
  #body: RequestBody | null = null;
  #attempt: Attempt | null = null;
  #target: Target | null = null;
  #attempts = 0;
  #sentMs = 0;
  /** Time spent waiting for reply heads. */
  #upstreamMs = 0;
  #headMs = 0;
  #deadlineMs = Infinity;
  #timer: NodeJS.Timeout | null = null;
  #errorCode = '';
  #isOver = false;

  constructor(runtime: GatewayRuntime, given: Exchange, onOver: () => void) {
    this.#runtime = runtime;
    this.#exchange = given;
    this.#onOver = onOver;
    this.#startMs = runtime.clock.monotonicMs();
  }

  start(): void {
    this.#exchange.reply.on('close', () => this.#finish());
    this.#runtime.retryBudget.record(this.#startMs);
    try {
      const intake = takeIn(this.#runtime, this.#exchange.request);
      this.#intake = intake;
      if (intake.decision.kind === 'refuse') throw exchange.refusal(intake.decision.code);
      this.#setDeadline();
      this.#takeBody();
      this.#tryNext(intake, null);
    } catch (error) {
      this.#fail(error);
    }
  }

  onHead(_attempt: Attempt, status: number, headers: ReplyHeaders): 'pass' | 'discard' {
    const { target, intake } = this.#underWay();
    const headMs = this.#runtime.clock.monotonicMs() - this.#sentMs;
    this.#upstreamMs += headMs;
    this.#record(target, status < 500, headMs);
    const isGateway = target.kind === 'region' && exchange.isGatewayReply(headers);
    // What another region's gateway passes on was retried there already.
    const isRetried = !isGateway || headers['meridian-error'] !== undefined;
    if (isRetried && intake.route.retry.statuses.includes(status)) {
      const retryAfterMs = parseRetryAfter(
        text(headers['retry-after']),
        this.#runtime.clock.wallMs(),
      );
      if (this.#retry({ kind: 'status', status, retryAfterMs }, null)) {
        this.#release();
        return 'discard';
      }
    }
    this.#passHead(status, headers, isGateway);
    return 'pass';
  }

  onInformation(status: number, headers: ReplyHeaders): void {
    const link = headers['link'];
    if (status === 103 && link !== undefined) this.#exchange.reply.writeEarlyHints({ link });
  }

  onDone(attempt: Attempt): void {
    if (attempt === this.#attempt) this.#release();
  }

  onFailed(attempt: Attempt, error: Error): void {
    if (attempt !== this.#attempt) return;
    const { target } = this.#underWay();
    this.#release();
    if (this.#isOver) return;
    if (attempt.hasHead) {
      this.#errorCode = 'cut';
      this.#record(target, false, null);
      // The client must see that the reply is cut short.
      this.#exchange.reply.destroy();
      return;
    }
    this.#upstreamMs += this.#runtime.clock.monotonicMs() - this.#sentMs;
    this.#record(target, false, null);
    if (target.kind === 'region') this.#runtime.regions.suspect(target.region);
    if (this.#retry({ kind: wasNotSent(error) ? 'not-sent' : 'no-head' }, error)) return;
    this.#fail(exchange.failureOf(error));
  }

  #tryNext(intake: Intake, lastError: Error | null): void {
    if (this.#isOver) return;
    const { request, reply, requestId } = this.#exchange;
    const target = nextTarget(this.#runtime, { request, intake, tried: this.#tried });
    if (target === null) {
      this.#fail(exchange.failureOf(lastError));
      return;
    }
    this.#target = target;
    this.#attempts += 1;
    this.#tried.add(keyOf(target));
    if (target.kind === 'instance') target.instance.inFlight += 1;
    const attempt = new Attempt(reply, this);
    this.#attempt = attempt;
    this.#sentMs = this.#runtime.clock.monotonicMs();
    const headers = exchange.outgoingHeaders(this.#runtime, request, {
      intake,
      requestId,
      isRegion: target.kind === 'region',
      remainingMs: this.#deadlineMs - this.#sentMs,
    });
    const { headersMs, idleMs } = intake.route.timeouts;
    const { path } = intake;
    const body = this.#body?.open() ?? null;
    const method = request.method ?? 'GET';
    target.client.send({ method, path, headers, body, headersMs, idleMs }, attempt);
  }

  /** Whether the attempt will be made again. */
  #retry(failure: Failure, error: Error | null): boolean {
    const { intake } = this.#underWay();
    const { request } = this.#exchange;
    const nowMs = this.#runtime.clock.monotonicMs();
    const hasKey = request.headers['idempotency-key'] !== undefined;
    const facts = {
      failure,
      attempts: this.#attempts,
      isIdempotent: isIdempotent(request.method ?? 'GET', hasKey),
      isReplayable: this.#body === null || this.#body.isReplayable,
      remainingMs: this.#deadlineMs - nowMs,
      draw: Math.random(),
      takeBudget: () => this.#runtime.retryBudget.take(nowMs),
    };
    const verdict = judgeRetry(facts, intake.route.retry);
    this.#runtime.meters.retry(verdict.kind === 'retry' ? 'retried' : verdict.why);
    if (verdict.kind === 'give-up') return false;
    setTimeout(() => this.#tryNext(intake, error), verdict.delayMs);
    return true;
  }

  #passHead(status: number, headers: ReplyHeaders, isGateway: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { target } = this.#underWay();
    this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    const passage = {
      region: this.#runtime.region,
      upstream: labelOf(target),
      attempts: this.#attempts,
      overheadMs: this.#headMs - this.#upstreamMs,
      upstreamMs: this.#upstreamMs,
      requestId: this.#exchange.requestId,
    };
    const flat = exchange.passedHeaders(headers, passage, isGateway);
    if (this.#exchange.isLast) flat.push('connection', 'close');
    this.#exchange.reply.writeHead(status, flat);
  }

  #setDeadline(): void {
    const asked = Number(headerOf(this.#exchange.request, 'meridian-deadline-ms') ?? NaN);
    if (!(asked > 0)) return;
    this.#deadlineMs = this.#startMs + Math.min(asked, 86_400_000);
    this.#timer = setTimeout(() => {
      this.#fail(new MeridianError('DeadlineExceeded', 'The deadline of the request passed.'));
    }, asked);
  }

  #takeBody(): void {
    const { request } = this.#exchange;
    if (!hasBody(request)) return;
    const bytesMax = this.#runtime.config.requestBytesMax;
    const tooLarge = (): MeridianError =>
      new MeridianError('RequestInvalid', 'The body is too large.', { httpStatus: 413 });
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
    const limits = { keptBytesMax, bytesMax };
    this.#body = new RequestBody(request, limits, () => this.#fail(tooLarge()));
  }

  #record(target: Target, ok: boolean, headMs: number | null): void {
    const name = target.kind === 'instance' ? target.group.name : `region/${target.region}`;
    this.#runtime.meters.attempt(name, ok ? 'ok' : 'failed');
    if (target.kind === 'instance') target.group.record(target.instance, ok, headMs);
  }

  /** The attempt under way no longer counts at its instance. */
  #release(): void {
    if (this.#attempt === null) return;
    this.#attempt = null;
    if (this.#target?.kind === 'instance') this.#target.instance.inFlight -= 1;
  }

  /** Answers with a problem, or cuts the connection when the head has gone out. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    const attempt = this.#attempt;
    this.#release();
    attempt?.abort(new AttemptAborted('The request has failed.'));
    this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    const { reply, requestId } = this.#exchange;
    if (reply.headersSent) {
      reply.destroy();
      return;
    }
    const facts = { region: this.#runtime.region, requestId, attempts: this.#attempts };
    this.#errorCode = exchange.sendProblem(reply, error, facts);
  }

  /** The connection has taken the last byte, or is gone. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const attempt = this.#attempt;
    this.#release();
    attempt?.abort(new AttemptAborted('The client went away.'));
    this.#body?.discard();
    this.#log();
    this.#onOver();
  }

  #log(): void {
    const { request, reply, requestId } = this.#exchange;
    const durationMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    const status = reply.writableFinished ? reply.statusCode : 0;
    const route = this.#intake?.route.id ?? 'none';
    const overheadMs = Math.max(0, this.#headMs - this.#upstreamMs);
    this.#runtime.meters.request({ route, status, durationMs, overheadMs });
    const { accessLog } = this.#runtime;
    if (!accessLog.isLevelEnabled('info')) return;
    accessLog.info(
      {
        reqId: requestId,
        method: request.method,
        path: this.#intake?.path.split('?', 1)[0],
        client: this.#intake?.client.address,
        route,
        status,
        upstream: this.#target === null ? null : labelOf(this.#target),
        attempts: this.#attempts,
        durationMs: Math.round(durationMs * 100) / 100,
        ...(this.#errorCode === '' ? {} : { error: this.#errorCode }),
      },
      'request',
    );
  }

  #underWay(): { target: Target; intake: Intake } {
    if (this.#target === null || this.#intake === null) throw new RangeError('no attempt is made');
    return { target: this.#target, intake: this.#intake };
  }
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
