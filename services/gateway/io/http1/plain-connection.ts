/**
 * One kept-alive HTTP/1.1 connection to an upstream, with one request without a body at a time.
 * What an upstream sends that was not asked for, or that does not read as a reply, ends it.
 */
import { connect, type LookupFunction, type Socket } from 'node:net';
import { errors } from 'undici';
import { chunkedStart, readChunked, type ChunkedState } from '../../core/http1/chunked-body.ts';
import { parseResponseHead, type ResponseHead } from '../../core/http1/response-head.ts';
import type { Carrier, PlainRequest } from './plain-request.ts';

export interface ConnectionOwner {
  readonly host: string;
  readonly port: number;
  readonly connectMs: number;
  readonly lookup: LookupFunction;
  nowMs(): number;
  /** The connection has nothing to do. */
  onFree(connection: PlainConnection): void;
  onClosed(connection: PlainConnection): void;
}

const headBytesMax = 16_384;
const headEnd = '\r\n\r\n';
const nothing = Buffer.alloc(0);
const noTrailers = {};

export class PlainConnection implements Carrier {
  /** Monotonic end of what it waits for: a connection, a head, more of a body, a next request. */
  deadlineMs: number;
  /** Still in the list of those that may be used. */
  isFree = false;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  #request: PlainRequest | null = null;
  #head: ResponseHead | null = null;
  /** Of a head that has not come whole. */
  #partial: Buffer = nothing;
  #left = 0;
  #chunked: ChunkedState = chunkedStart;
  #isConnected = false;
  #isPaused = false;
  #isClosed = false;
  #error: Error | null = null;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.deadlineMs = owner.nowMs() + owner.connectMs;
    const { host, port, lookup } = owner;
    const socket = connect({ host, port, lookup, autoSelectFamily: false, noDelay: true });
    this.#socket = socket;
    socket.setKeepAlive(true, 60_000);
    socket.on('connect', () => {
      this.#isConnected = true;
      if (this.#request !== null) this.deadlineMs = owner.nowMs() + this.#request.headersMs;
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#take(chunk);
      } catch (error) {
        // Of the handler: it cannot go on with this reply.
        this.end(error as Error);
      }
    });
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => (this.#error ??= error));
    socket.on('close', () => this.#onClose());
  }

  /** Writes the request; it is told of everything from here on. */
  send(request: PlainRequest): void {
    request.carrier = this;
    this.#request = request;
    this.#head = null;
    if (this.#isConnected) this.deadlineMs = this.#owner.nowMs() + request.headersMs;
    if (request.paused) this.pause();
    this.#socket.write(request.head, 'latin1');
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#request !== null) this.deadlineMs = this.#owner.nowMs() + this.#request.idleMs;
    this.#socket.resume();
  }

  /** Now is past the deadline. */
  expire(): void {
    if (this.#request === null) this.end(new errors.InformationalError('idle'));
    else if (!this.#isConnected) this.end(new errors.ConnectTimeoutError());
    else if (this.#head === null) this.end(new errors.HeadersTimeoutError());
    else if (!this.#isPaused) this.end(new errors.BodyTimeoutError());
  }

  /** Ends the connection, and its request with `reason`. */
  end(reason: Error): void {
    this.#error ??= reason;
    this.#socket.destroy();
    this.#onClose();
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return;
    if (this.#request === null) {
      this.end(new errors.SocketError('bad response'));
      return;
    }
    let rest = chunk;
    while (this.#head === null) {
      const next = this.#takeHead(rest, this.#request);
      if (next === null) return;
      rest = next;
    }
    if (rest.length === 0) return;
    // A reply without a body is whole already. What comes behind it belongs to nobody.
    if (this.#request === null) this.end(new errors.SocketError('bad response'));
    else this.#takeBody(rest, this.#request, this.#head);
  }

  /** What follows the head; null: there is none yet, or the connection has ended. */
  #takeHead(chunk: Buffer, request: PlainRequest): Buffer | null {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk]);
    const from = Math.max(0, this.#partial.length - headEnd.length);
    const end = bytes.indexOf(headEnd, from, 'latin1');
    if (end === -1 ? bytes.length > headBytesMax : end > headBytesMax) {
      this.end(new errors.HeadersOverflowError());
      return null;
    }
    this.#partial = end === -1 ? bytes : nothing;
    if (end === -1) return null;
    const head = parseResponseHead(bytes.toString('latin1', 0, end));
    if (head === null || head.status === 101) {
      this.#refuse();
      return null;
    }
    if (head.status >= 200) {
      this.#head = head;
      this.#left = typeof head.body === 'number' ? head.body : 0;
      this.#chunked = chunkedStart;
      this.deadlineMs = this.#owner.nowMs() + request.idleMs;
    }
    request.takeHead(head.status, head.headers);
    if (this.#isClosed) return null;
    if (head.status >= 200 && head.body === 0) this.#finish(noTrailers);
    return bytes.subarray(end + headEnd.length);
  }

  #takeBody(bytes: Buffer, request: PlainRequest, { body }: ResponseHead): void {
    this.deadlineMs = this.#owner.nowMs() + request.idleMs;
    if (body === 'until-close') request.takeData(bytes);
    else if (body === 'chunked') this.#takeChunked(bytes, request);
    else this.#takeCounted(bytes, request);
  }

  #takeCounted(bytes: Buffer, request: PlainRequest): void {
    const isMore = bytes.length > this.#left;
    const part = isMore ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    request.takeData(part);
    if (this.#left > 0 || this.#isClosed) return;
    this.#finish(noTrailers);
    if (isMore) this.end(new errors.SocketError('bad response'));
  }

  #takeChunked(bytes: Buffer, request: PlainRequest): void {
    const read = readChunked(this.#chunked, bytes);
    if (read.kind === 'malformed') {
      this.#refuse();
      return;
    }
    for (const [from, to] of read.pieces) {
      request.takeData(bytes.subarray(from, to));
      if (this.#isClosed) return;
    }
    if (read.kind === 'more') {
      this.#chunked = read.state;
      return;
    }
    this.#finish(read.trailers);
    if (read.end < bytes.length) this.end(new errors.SocketError('bad response'));
  }

  /** The reply is whole. */
  #finish(trailers: Readonly<Record<string, string>>): void {
    const request = this.#request;
    const keepMs = this.#head?.keepMs ?? 0;
    this.#request = null;
    request?.finish(trailers);
    if (this.#isClosed) return;
    if (keepMs === 0) {
      this.end(new errors.InformationalError('reset'));
      return;
    }
    this.deadlineMs = this.#owner.nowMs() + keepMs;
    if (this.#isPaused) this.resume();
    this.#owner.onFree(this);
  }

  #refuse(): void {
    const message = 'Response does not match the HTTP/1.1 protocol';
    this.end(Object.assign(new errors.HTTPParserError(message), { code: 'HPE_INVALID_REPLY' }));
  }

  #onEnd(): void {
    if (this.#request !== null && this.#head?.body === 'until-close') this.#finish(noTrailers);
    else this.end(new errors.SocketError('other side closed'));
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const request = this.#request;
    this.#request = null;
    this.#owner.onClosed(this);
    request?.fail(this.#error ?? new errors.SocketError('closed'));
  }
}
