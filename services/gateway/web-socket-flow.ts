/**
 * One WebSocket from its upgrade request to its end: the same intake, admission and choice of
 * region and upstream as any request, then a tunnel.
 */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RegionId } from '../../shared/core/region.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { logExchange } from './access-log.ts';
import { admit, type Admission } from './admission.ts';
import { replyHeaders, type ReplyHeaders } from './core/header-rules.ts';
import { takeIn, type Intake } from './intake.ts';
import { hasBody } from './io/request-body.ts';
import { tryUpgrade, type UpgradeOutcome } from './io/upgrade-attempt.ts';
import { WebSocketTunnel } from './io/web-socket-tunnel.ts';
import { outgoingRequest } from './outgoing-request.ts';
import * as replies from './reply-writing.ts';
import type { GatewayRuntime } from './runtime.ts';
import { groupOf, keyOf, nextTarget, regionOrder, type Target } from './target-choice.ts';

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent behind its request already. */
  readonly head: Buffer;
  readonly requestId: string;
}

interface Admitted {
  readonly intake: Intake;
  readonly admission: Admission;
  readonly order: readonly RegionId[];
}

/** Time that a client has to take a refusal and close. */
const lingerMs = 2000;

export class WebSocketFlow {
  readonly #runtime: GatewayRuntime;
  readonly #upgrade: Upgrade;
  readonly #startMs: number;
  /** Aborted with the reason for which no upstream is wanted any more. */
  readonly #gone = new AbortController();
  #intake: Intake | null = null;
  #target: Target | null = null;
  #attempts = 0;
  #tunnel: WebSocketTunnel | null = null;
  #headMs = 0;
  #errorCode = '';
  #status = 0;
  #end: () => void = () => undefined;

  constructor(runtime: GatewayRuntime, upgrade: Upgrade) {
    this.#runtime = runtime;
    this.#upgrade = upgrade;
    this.#startMs = runtime.clock.monotonicMs();
  }

  /** Resolves when the conversation is over. */
  async run(): Promise<void> {
    const { socket } = this.#upgrade;
    socket.on('error', () => undefined);
    const over = new Promise<void>((resolve) => {
      this.#end = resolve;
      socket.on('close', () => {
        this.#gone.abort(new Error('The client went away.'));
        resolve();
      });
    });
    if (socket.destroyed) this.#end();
    try {
      await this.#connect(await this.#admit());
    } catch (error) {
      this.#refuse(error);
    }
    await over;
    this.#log();
  }

  /** Ends the conversation; the client is told to come back after about `retryAfterMs`. */
  drain(retryAfterMs: number): void {
    if (this.#tunnel === null) this.#gone.abort(leaving(retryAfterMs));
    else this.#tunnel.drain(retryAfterMs);
  }

  async #admit(): Promise<Admitted> {
    const { request } = this.#upgrade;
    if (hasBody(request)) throw new MeridianError('RequestInvalid', 'A WebSocket has no body.');
    const intake = takeIn(this.#runtime, request);
    this.#intake = intake;
    const admission = await admit(this.#runtime, intake, request);
    return { intake, admission, order: regionOrder(this.#runtime, intake, admission) };
  }

  /** Tries targets until one answers; throws when none does. */
  async #connect(admitted: Admitted): Promise<void> {
    const { retry, timeouts } = admitted.intake.route.config;
    const tooLate = new MeridianError('DeadlineExceeded', 'No upstream answered in time.');
    const timer = setTimeout(() => this.#gone.abort(tooLate), timeouts.totalMs);
    try {
      const tried = new Set<string>();
      let lastError: Error | null = null;
      for (;;) {
        this.#gone.signal.throwIfAborted();
        const target = nextTarget(this.#runtime, { ...admitted, ...this.#upgrade, tried });
        if (target === null || tried.has(keyOf(target))) {
          throw replies.noTarget(groupOf(this.#runtime, admitted.intake), null, lastError);
        }
        tried.add(keyOf(target));
        const { outcome, release } = await this.#try(admitted, target);
        const isRefused = outcome.kind === 'answered' && retry.statuses.includes(outcome.status);
        const isAgain = (outcome.kind === 'failed' || isRefused) && this.#mayRepeat(retry);
        if (outcome.kind !== 'failed' && !isAgain) {
          this.#pass(target, outcome, release);
          return;
        }
        release();
        this.#gone.signal.throwIfAborted();
        if (outcome.kind === 'failed') lastError = outcome.error;
        if (!isAgain && lastError !== null) throw replies.failureOf(lastError);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #mayRepeat({ attemptsMax }: { readonly attemptsMax: number }): boolean {
    const { retryBudget, clock } = this.#runtime;
    if (this.#gone.signal.aborted || this.#attempts >= attemptsMax) return false;
    return retryBudget.take(clock.monotonicMs());
  }

  /** One attempt; it counts at its instance until `release`. */
  async #try(
    { intake, admission }: Admitted,
    target: Target,
  ): Promise<{ outcome: UpgradeOutcome; release: () => void }> {
    this.#target = target;
    this.#attempts += 1;
    const { request, requestId } = this.#upgrade;
    const { clock, meters } = this.#runtime;
    const remainingMs = intake.route.config.timeouts.totalMs;
    const facts = { intake, admission, requestId, target, remainingMs, body: null };
    const outgoing = outgoingRequest(this.#runtime, request, facts);
    const stalled = new AbortController();
    const signal = AbortSignal.any([this.#gone.signal, stalled.signal]);
    const sentMs = clock.monotonicMs();
    const abort = (reason: Error): void => stalled.abort(reason);
    const waiting = { sentMs, canRepeat: true, abort };
    const ticket = target.kind === 'region' ? null : target.group.begin(target.instance, waiting);
    const outcome = await tryUpgrade(target.client, outgoing, signal);
    const ok = outcome.kind === 'upgraded' || (outcome.kind === 'answered' && outcome.status < 500);
    const isNeutral = this.#gone.signal.aborted;
    const headMs = outcome.kind === 'failed' ? null : clock.monotonicMs() - sentMs;
    if (!isNeutral) meters.attempt(target.kind === 'region' ? target.label : target.group.name, ok);
    if (target.kind === 'region') {
      if (outcome.kind === 'failed' && !isNeutral) this.#runtime.regions.suspect(target.region);
      return { outcome, release: () => undefined };
    }
    const { group } = target;
    if (ticket !== null) {
      group.headArrived(ticket, waiting);
      group.settle(ticket, isNeutral ? null : ok, headMs);
    }
    return { outcome, release: () => ticket !== null && group.release(ticket, waiting) };
  }

  #pass(
    target: Target,
    outcome: Exclude<UpgradeOutcome, { kind: 'failed' }>,
    release: () => void,
  ): void {
    this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    const flat = this.#ownHeaders(target, outcome.headers);
    if (outcome.kind === 'answered') {
      release();
      this.#answer(outcome.status, flat, outcome.body);
      return;
    }
    const { socket, head } = this.#upgrade;
    if (socket.destroyed || this.#gone.signal.aborted) {
      release();
      outcome.socket.destroy();
      this.#gone.signal.throwIfAborted();
      return;
    }
    this.#status = 101;
    const { webSocket } = this.#intake?.route.config ?? { webSocket: { pingMs: 0, idleMs: 0 } };
    let text = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
    for (let i = 0; i + 1 < flat.length; i += 2)
      text += `${flat[i] ?? ''}: ${flat[i + 1] ?? ''}\r\n`;
    socket.write(`${text}\r\n`, 'latin1');
    if (head.length > 0) socket.unshift(head);
    if ('setTimeout' in socket) (socket as Socket).setTimeout(0);
    const onOver = (): void => {
      release();
      this.#end();
    };
    this.#tunnel = new WebSocketTunnel(socket, outcome.socket, { ...webSocket, onOver });
  }

  #ownHeaders(target: Target, headers: ReplyHeaders): string[] {
    const isGateway = replies.isGatewayReply(target, headers);
    const flat = replyHeaders(headers, isGateway);
    if (!isGateway)
      flat.push('meridian-region', this.#runtime.region, 'meridian-upstream', target.label);
    return flat;
  }

  #refuse(error: unknown): void {
    const { request, socket, requestId } = this.#upgrade;
    if (socket.destroyed || !socket.writable || this.#status !== 0) return;
    const reply = this.#plainReply();
    const facts = { region: this.#runtime.region, attempts: this.#attempts, intake: this.#intake };
    const answered = { request, reply, requestId, isLast: true };
    this.#errorCode = replies.sendProblem(answered, error, facts);
    this.#status = reply.statusCode;
  }

  #answer(status: number, flat: string[], body: Buffer): void {
    const reply = this.#plainReply();
    this.#status = status;
    flat.push('connection', 'close');
    replies.writeHead(reply, status, flat);
    reply.end(body);
  }

  /** A reply in plain HTTP on the socket that was to be upgraded; the socket ends with it. */
  #plainReply(): ServerResponse {
    const reply = new ServerResponse(this.#upgrade.request);
    const { socket } = this.#upgrade;
    reply.assignSocket(socket as Socket);
    // The client may have sent more; none of it is read as a request.
    socket.resume();
    reply.on('finish', () => {
      socket.end();
      setTimeout(() => socket.destroy(), lingerMs).unref();
    });
    return reply;
  }

  #log(): void {
    const { request, requestId } = this.#upgrade;
    const durationMs = this.#runtime.clock.monotonicMs() - this.#startMs;
    logExchange(
      this.#runtime,
      { request, requestId, status: this.#status },
      {
        intake: this.#intake,
        upstream: this.#target?.label ?? null,
        attempts: this.#attempts,
        durationMs,
        overheadMs: this.#status === 101 ? this.#headMs : 0,
        errorCode: this.#errorCode,
      },
    );
  }
}

/** What a client is told that comes while the gateway drains. */
export function leaving(retryAfterMs: number): MeridianError {
  const details = { httpStatus: 503, retryAfterMs: Math.round(retryAfterMs) };
  return new MeridianError('UpstreamUnavailable', 'The gateway is about to stop.', details);
}
