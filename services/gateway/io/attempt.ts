/**
 * One attempt of a request at one upstream, as undici reports it: the reply is streamed to the
 * client with back-pressure, or read into nothing when it is to be tried again.
 */
import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { wasNeverConnected } from '../../../shared/http/connect-failure.ts';
import { isTrailer, type ReplyHeaders } from '../core/header-rules.ts';
import { endJointly } from './http1/joint-end.ts';

type Controller = Dispatcher.DispatchController;

export interface AttemptEvents {
  /**
   * Decides at once what happens to the reply; `pass` has written the head. Throws when it cannot
   * be written: that is a failure of the attempt.
   */
  onHead(attempt: Attempt, status: number, headers: ReplyHeaders): 'pass' | 'discard';
  /** An interim reply (1xx) other than 100. */
  onInformation(status: number, headers: ReplyHeaders): void;
  /** The reply is through, or read into nothing. */
  onDone(attempt: Attempt): void;
  onFailed(attempt: Attempt, error: Error): void;
}

/** A discarded reply longer than this costs its connection. */
const discardBytesMax = 65_536;
const shortBytesMax = 8192;

export class AttemptAborted extends Error {
  override readonly name = 'AttemptAborted';
}

export class Attempt implements Dispatcher.DispatchHandler {
  readonly sentMs: number;
  /** Whether the request may be sent again when this attempt is given up. */
  readonly canRepeat: boolean;
  hasHead = false;
  isOver = false;
  bytes = 0;
  readonly #reply: ServerResponse;
  readonly #events: AttemptEvents;
  #controller: Controller | null = null;
  #isPassing = false;
  /** What the reply's length says, when it leaves by HTTP/1.1; else NaN. */
  #length = NaN;
  /** A whole short body, which leaves together with the head. */
  #short: string | null = null;
  #abortReason: Error | null = null;

  constructor(
    reply: ServerResponse,
    events: AttemptEvents,
    sent: { readonly atMs: number; readonly canRepeat: boolean },
  ) {
    this.#reply = reply;
    this.#events = events;
    this.sentMs = sent.atMs;
    this.canRepeat = sent.canRepeat;
  }

  /** Ends the attempt; `onFailed` follows with `reason` unless it is over already. */
  abort(reason: Error): void {
    if (this.isOver) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
    this.#fail(reason);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
  }

  onResponseStart(controller: Controller, status: number, headers: ReplyHeaders): void {
    if (this.isOver) return;
    if (status < 200) {
      if (status !== 100) this.#events.onInformation(status, headers);
      return;
    }
    this.#length = 'stream' in this.#reply ? NaN : Number(headers['content-length'] ?? NaN);
    try {
      this.#isPassing = this.#events.onHead(this, status, headers) === 'pass';
    } catch (error) {
      controller.abort(error as Error);
      this.#fail(error as Error);
      return;
    }
    this.hasHead = true;
    if (this.#isPassing && this.#reply.writableNeedDrain) this.#waitForDrain(controller);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.isOver) return;
    this.bytes += chunk.length;
    if (!this.#isPassing) {
      if (this.bytes > discardBytesMax) controller.abort(new AttemptAborted('reply discarded'));
      return;
    }
    if (chunk.length === this.#length && chunk.length <= shortBytesMax) {
      this.#short = chunk.toString('latin1');
    } else if (!this.#reply.write(chunk)) this.#waitForDrain(controller);
  }

  onResponseEnd(_controller: Controller, trailers: ReplyHeaders): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.#isPassing) {
      for (const name in trailers) {
        const value = trailers[name];
        if (value === undefined || !isTrailer(name)) continue;
        this.#reply.addTrailers({ [name]: String(value) });
      }
      // Head and body as one string are one plain write instead of a gathered one.
      if (this.#short === null) this.#reply.end();
      else endJointly(this.#reply, this.#short);
    }
    this.#events.onDone(this);
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.hasHead && !this.#isPassing) this.#events.onDone(this);
    else this.#events.onFailed(this, error);
  }

  #waitForDrain(controller: Controller): void {
    controller.pause();
    this.#reply.once('drain', () => controller.resume());
  }
}

/** Every connection that the instance may have carries another request. */
export class ConnectionsTaken extends Error {
  override readonly name = 'ConnectionsTaken';
  readonly code = 'CONNECTIONS_TAKEN';
}

/** Whether the instance has failed, as far as `error` tells; null: it says nothing of it. */
export function verdictOf(error: Error): false | null {
  return error instanceof ConnectionsTaken ? null : false;
}

const notSentCodes = new Set([
  'CONNECTIONS_TAKEN',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether `error` says that no connection was made, so that nothing was sent. */
export function wasNotSent(error: Error): boolean {
  if (wasNeverConnected(error)) return true;
  return 'code' in error && notSentCodes.has(String(error.code));
}
