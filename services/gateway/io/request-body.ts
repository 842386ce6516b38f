/**
 * A request's body on its way to an upstream: streamed with back-pressure, never gathered. The
 * first bytes are kept as they pass, so that a small body can be sent again by another attempt.
 */
import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { cutRequest } from '../../../shared/http/cut-request.ts';

export interface BodyLimits {
  /** Bodies up to this size can be sent again. */
  readonly keptBytesMax: number;
  /** A longer body ends the request. */
  readonly bytesMax: number;
  /** Silence of a client that is asked for more, after which the request ends. */
  readonly idleMs: number;
}

/** Told once the body is too long or has stopped coming. */
export type OnRefused = (error: MeridianError) => void;

/** Time for what is left of a body that nobody wants. */
const restMs = 30_000;

export class RequestBody {
  readonly #source: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #onRefused: OnRefused;
  #timer: NodeJS.Timeout | null = null;
  #kept: Buffer[] = [];
  #bytes = 0;
  #hasEnded = false;
  #isListening = false;
  #reader: Readable | null = null;

  constructor(source: IncomingMessage, limits: BodyLimits, onRefused: OnRefused) {
    this.#source = source;
    this.#limits = limits;
    this.#onRefused = onRefused;
  }

  /** Whether `open` can still give the body from its start. */
  get isReplayable(): boolean {
    return this.#bytes <= this.#limits.keptBytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The body from its start; the reader of an earlier attempt gets nothing more. */
  open(): Readable {
    this.#listen();
    this.#reader = null;
    const reader = new Readable({
      read: () => {
        if (this.#reader === reader && !this.#hasEnded) this.#ask();
      },
      destroy: (error, done) => {
        if (this.#reader === reader) {
          this.#reader = null;
          this.#source.pause();
          this.#stopTimer();
        }
        done(error);
      },
    });
    // Errors are the client's or the attempt's; both are dealt with where they arise.
    reader.on('error', () => undefined);
    for (const chunk of this.#kept) reader.push(chunk);
    if (this.#hasEnded) reader.push(null);
    this.#reader = reader;
    return reader;
  }

  /** Reads what is left into nothing, so that the connection can carry the next request. */
  discard(): void {
    this.#reader = null;
    this.#kept = [];
    this.#stopTimer();
    if (this.#source.readableEnded || this.#source.destroyed) return;
    this.#source.removeListener('data', this.#onData);
    this.#source.resume();
    const timer = setTimeout(() => cutRequest(this.#source), restMs).unref();
    for (const name of ['end', 'close']) this.#source.once(name, () => clearTimeout(timer));
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#source.on('data', this.#onData);
    this.#source.pause();
    this.#source.on('end', () => {
      this.#hasEnded = true;
      this.#stopTimer();
      this.#reader?.push(null);
    });
    this.#source.on('close', () => {
      this.#stopTimer();
      if (!this.#hasEnded) this.#reader?.destroy(new Error('the client went away'));
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.bytesMax) {
      this.#source.pause();
      this.#stopTimer();
      this.#onRefused(tooLarge());
      return;
    }
    if (this.#bytes <= this.#limits.keptBytesMax) this.#kept.push(chunk);
    else if (this.#kept.length > 0) this.#kept = [];
    if (this.#reader !== null && this.#reader.push(chunk)) {
      this.#timer?.refresh();
      return;
    }
    this.#source.pause();
    this.#stopTimer();
  };

  /** The client is to send more, and not to be silent for too long. */
  #ask(): void {
    this.#source.resume();
    this.#timer ??= setTimeout(() => this.#onRefused(stalled()), this.#limits.idleMs);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** The body of `request`; null: it has none. Throws when it says itself that it is too long. */
export function takeBody(
  request: IncomingMessage,
  limits: BodyLimits,
  onRefused: OnRefused,
): RequestBody | null {
  if (!hasBody(request)) return null;
  if (Number(request.headers['content-length'] ?? 0) > limits.bytesMax) throw tooLarge();
  return new RequestBody(request, limits, onRefused);
}

function tooLarge(): MeridianError {
  return new MeridianError('RequestInvalid', 'The body is too large.', { httpStatus: 413 });
}

function stalled(): MeridianError {
  return new MeridianError('RequestInvalid', 'The body does not come.', { httpStatus: 408 });
}

/** Whether a request carries a body at all (RFC 9112, section 6; RFC 9113, section 8.1). */
export function hasBody(request: IncomingMessage): boolean {
  if ('stream' in request) return !(request.stream as ServerHttp2Stream).endAfterHeaders;
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}
