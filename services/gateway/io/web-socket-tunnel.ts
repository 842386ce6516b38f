/**
 * Two sockets of a WebSocket joined byte by byte, with back-pressure. The gateway adds pings for
 * quiet clients and, when it ends the conversation, a close frame that says why; what the client
 * has sent until it answers that frame still reaches the upstream.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  atStart,
  closeFrame,
  isBetweenFrames,
  pingFrame,
  trackFrames,
  type FrameState,
} from '../core/edge/websocket-frames.ts';

export interface TunnelOptions {
  /** A client that is silent for this long is pinged; two pings without a sign of life end it. */
  readonly pingMs: number;
  /** Time without any message, in either direction, after which the conversation ends. */
  readonly idleMs: number;
  readonly onOver: () => void;
}

/** Time that each side has to answer a close frame or the end of the other side. */
const closingMs = 2000;
const unansweredMax = 2;
/** Close codes of RFC 6455, section 7.4.1, and "Service Restart" of IANA's list. */
const goingAwayCode = 1001;
const restartCode = 1012;

export class WebSocketTunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #options: TunnelOptions;
  readonly #timer: NodeJS.Timeout;
  #toClient: FrameState = atStart;
  #toUpstream: FrameState = atStart;
  #messageMs = performance.now();
  #heardMs = performance.now();
  #pingedMs = 0;
  #unanswered = 0;
  /** The close frame that waits for the end of a frame on its way to the client. */
  #close: Buffer | null = null;
  #isCloseSent = false;
  #isOver = false;

  constructor(client: Duplex, upstream: Duplex, options: TunnelOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    // A broken socket closes too.
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => this.#finish(upstream));
    upstream.on('close', () => this.#finish(client));
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    upstream.on('data', (chunk: Buffer) => this.#fromUpstream(chunk));
    client.on('drain', () => {
      this.#hear();
      upstream.resume();
    });
    upstream.on('drain', () => client.resume());
    // A WebSocket does not live with one half closed.
    client.on('end', () => this.#finish(upstream));
    upstream.on('end', () => this.#finish(client));
    const tickMs = Math.min(options.pingMs, options.idleMs);
    this.#timer = setInterval(() => this.#look(), tickMs).unref();
  }

  /** Ends the conversation at the next frame boundary; the client is told when to come back. */
  drain(retryAfterMs: number): void {
    const ms = String(Math.round(retryAfterMs));
    this.#closeWith(restartCode, `restart, reconnect in ${ms} ms`);
  }

  #closeWith(code: number, reason: string): void {
    if (this.#close !== null || this.#isOver) return;
    this.#close = Buffer.from(closeFrame(code, reason, null));
    if (isBetweenFrames(this.#toClient)) this.#sendClose();
    setTimeout(() => this.#cut(), closingMs).unref();
  }

  #fromClient(chunk: Buffer): void {
    this.#hear();
    const { state, hasData } = trackFrames(this.#toUpstream, chunk);
    this.#toUpstream = state;
    if (hasData) this.#messageMs = this.#heardMs;
    if (!this.#upstream.write(chunk)) this.#client.pause();
  }

  #fromUpstream(chunk: Buffer): void {
    // What the upstream still says would come behind the close frame.
    if (this.#isCloseSent) return;
    const { state, boundary, hasData } = trackFrames(this.#toClient, chunk);
    this.#toClient = state;
    if (hasData) this.#messageMs = performance.now();
    if (this.#close !== null && boundary !== -1 && !state.isClosing) {
      this.#client.write(chunk.subarray(0, boundary));
      this.#sendClose();
    } else if (!this.#client.write(chunk)) {
      this.#upstream.pause();
    }
  }

  #sendClose(): void {
    if (this.#close === null || this.#toClient.isClosing) return;
    this.#isCloseSent = true;
    this.#client.write(this.#close);
    this.#upstream.resume();
  }

  /** Nobody has answered the close frame: the upstream is told, and both sockets end. */
  #cut(): void {
    if (this.#isOver) return;
    if (isBetweenFrames(this.#toUpstream) && !this.#toUpstream.isClosing) {
      const mask = [...randomBytes(4)];
      this.#upstream.write(Buffer.from(closeFrame(goingAwayCode, '', mask)));
    }
    this.#finish(this.#client);
    this.#finish(this.#upstream);
    setTimeout(() => this.#end(), closingMs).unref();
  }

  #hear(): void {
    this.#heardMs = performance.now();
    this.#unanswered = 0;
  }

  #look(): void {
    const nowMs = performance.now();
    const { pingMs, idleMs } = this.#options;
    if (nowMs - this.#messageMs > idleMs) {
      this.#closeWith(goingAwayCode, 'idle');
      return;
    }
    // Either is this gateway's doing, or the upstream's: the client may well be alive.
    if (this.#client.isPaused() || this.#client.writableNeedDrain) return;
    if (nowMs - Math.max(this.#heardMs, this.#pingedMs) < pingMs * 0.9) return;
    if (this.#unanswered >= unansweredMax) {
      this.#end();
      return;
    }
    if (!isBetweenFrames(this.#toClient) || this.#toClient.isClosing || this.#isCloseSent) return;
    this.#client.write(Buffer.from(pingFrame));
    this.#pingedMs = nowMs;
    this.#unanswered += 1;
  }

  /** Ends `socket` behind what was written to it; the conversation is over soon after. */
  #finish(socket: Duplex): void {
    if (socket.destroyed) this.#end();
    else socket.end(() => setTimeout(() => this.#end(), closingMs).unref());
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#client.destroy();
    this.#upstream.destroy();
    this.#options.onOver();
  }
}
