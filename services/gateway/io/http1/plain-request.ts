/**
 * A request without a body on its way to a plain HTTP/1.1 upstream. Its sender may hold it back or
 * give it up, but only until it is over: the connection then carries another one.
 */
import type { Dispatcher } from 'undici';
import type { ReplyHeaders } from '../../core/header-rules.ts';

type Controller = Dispatcher.DispatchController;
type Handler = Dispatcher.DispatchHandler;

export interface PlainRequestParts {
  /** Latin1 text of the whole request. */
  readonly head: string;
  readonly headersMs: number;
  readonly idleMs: number;
  readonly handler: Handler;
}

/** What a request asks of the connection that carries it. */
export interface Carrier {
  end(reason: Error): void;
  pause(): void;
  resume(): void;
}

export class PlainRequest implements Controller {
  readonly head: string;
  readonly headersMs: number;
  readonly idleMs: number;
  /** Null while it waits for a connection, and when it is over. */
  carrier: Carrier | null = null;
  paused = false;
  reason: Error | null = null;
  readonly rawHeaders = null;
  readonly rawTrailers = null;
  readonly #handler: Handler;
  #isOver = false;

  constructor({ head, headersMs, idleMs, handler }: PlainRequestParts) {
    this.head = head;
    this.headersMs = headersMs;
    this.idleMs = idleMs;
    this.#handler = handler;
  }

  /** Whether nobody waits for its reply any more. */
  get aborted(): boolean {
    return this.#isOver;
  }

  abort(reason: Error): void {
    if (this.carrier === null) this.fail(reason);
    else this.carrier.end(reason);
  }

  pause(): void {
    if (this.#isOver || this.paused) return;
    this.paused = true;
    this.carrier?.pause();
  }

  resume(): void {
    if (this.#isOver || !this.paused) return;
    this.paused = false;
    this.carrier?.resume();
  }

  /** The handler may abort it from now on. */
  start(): void {
    this.#handler.onRequestStart?.(this, null);
  }

  takeHead(status: number, headers: ReplyHeaders): void {
    this.#handler.onResponseStart?.(this, status, headers);
  }

  takeData(bytes: Buffer): void {
    this.#handler.onResponseData?.(this, bytes);
  }

  /** The reply is whole. */
  finish(trailers: Readonly<Record<string, string>>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.carrier = null;
    this.#handler.onResponseEnd?.(this, trailers);
  }

  /** There will be no reply, or no more of it. */
  fail(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.carrier = null;
    this.reason = reason;
    this.#handler.onResponseError?.(this, reason);
  }
}
