/**
 * One WebSocket from its upgrade request to its end: the same intake, admission and choice of
 * region and upstream as any request, then a tunnel.
 */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RegionId } from '../../shared/core/region.ts';
import { logExchange } from './access-log.ts';
import { admit, type Admission } from './admission.ts';
import { replyHeaders, type ReplyHeaders } from './core/header-rules.ts';
import { decide, takeIn, type Intake } from './intake.ts';
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

export class WebSocketFlow {
  readonly #runtime: GatewayRuntime;
  readonly #upgrade: Upgrade;
  readonly #startMs: number;
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
        this.#gone.abort();
        resolve();
      });
    });
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
    if (this.#tunnel === null) this.#upgrade.socket.destroy();
    else this.#tunnel.drain(retryAfterMs);
  }

  async #admit(): Promise<Admitted> {
    const { request } = this.#upgrade;
    const intake = takeIn(this.#runtime, request);
    this.#intake = intake;
    const admission = await admit(this.#runtime, intake, request);
    const decision = decide(this.#runtime, {
      ...{ route: intake.route, place: intake.place, override: intake.override },
      tenant: admission.tenant,
      sticky: admission.stickyRegion,
      visited: intake.hop?.visited ?? [],
    });
    if (decision.kind === 'refuse') throw replies.refusal(decision.code);
    return { intake, admission, order: regionOrder(this.#runtime, intake, decision) };
  }

  /** Tries targets until one answers; throws when none does. */
  async #connect({ intake, admission, order }: Admitted): Promise<void> {
    const { request, requestId } = this.#upgrade;
    const { retry, timeouts } = intake.route.config;
    const tried = new Set<string>();
    let lastError: Error | null = null;
    while (!this.#gone.signal.aborted && this.#attempts < retry.attemptsMax) {
      const target = nextTarget(this.#runtime, { request, intake, admission, order, tried });
      if (target === null || tried.has(keyOf(target))) break;
      tried.add(keyOf(target));
      this.#target = target;
      this.#attempts += 1;
      const facts = { intake, admission, requestId, target, remainingMs: timeouts.totalMs };
      const outgoing = outgoingRequest(this.#runtime, request, { ...facts, body: null });
      const release = this.#begin(target);
      const outcome = await tryUpgrade(target.client, outgoing, this.#gone.signal);
      if (outcome.kind === 'failed') {
        release(false);
        lastError = outcome.error;
        continue;
      }
      this.#headMs = this.#runtime.clock.monotonicMs() - this.#startMs;
      if (outcome.kind === 'answered') release(outcome.status < 500);
      this.#pass(target, outcome, () => release(true));
      return;
    }
    throw replies.noTarget(groupOf(this.#runtime, intake), null, lastError);
  }

  /** Counts at the instance until the answer is called, which says how it went. */
  #begin(target: Target): (ok: boolean) => void {
    if (target.kind === 'region') return () => undefined;
    const { group, instance } = target;
    const waiting = {
      sentMs: this.#runtime.clock.monotonicMs(),
      canRepeat: false,
      abort: (): void => undefined,
    };
    const ticket = group.begin(instance, waiting);
    return (ok) => {
      group.headArrived(ticket, waiting);
      group.settle(ticket, this.#gone.signal.aborted ? null : ok, null);
      group.release(ticket, waiting);
    };
  }

  #pass(
    target: Target,
    outcome: Exclude<UpgradeOutcome, { kind: 'failed' }>,
    release: () => void,
  ): void {
    if (outcome.kind === 'answered') {
      const { status, headers, body } = outcome;
      this.#answer(status, this.#ownHeaders(target, headers), body);
      return;
    }
    this.#status = 101;
    const { socket, head } = this.#upgrade;
    const { webSocket } = this.#intake?.route.config ?? { webSocket: { pingMs: 0, idleMs: 0 } };
    const flat = this.#ownHeaders(target, outcome.headers);
    let text = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
    for (let i = 0; i + 1 < flat.length; i += 2)
      text += `${flat[i] ?? ''}: ${flat[i + 1] ?? ''}\r\n`;
    socket.write(`${text}\r\n`, 'latin1');
    if (head.length > 0) socket.unshift(head);
    if ('setTimeout' in socket) (socket as Socket).setTimeout(0);
    const { pingMs, idleMs } = webSocket;
    const onOver = (): void => {
      release();
      this.#end();
    };
    this.#tunnel = new WebSocketTunnel(socket, outcome.socket, { pingMs, idleMs, onOver });
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
    if (socket.destroyed || !socket.writable) return;
    const reply = this.#plainReply();
    const facts = { region: this.#runtime.region, attempts: this.#attempts };
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
    reply.on('finish', () => socket.end());
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
