/**
 * Two sockets of a WebSocket joined byte by byte, with back-pressure. The gateway adds pings for
 * quiet clients and, when it drains, a close frame that tells the client to come back.
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
} from '../core/websocket-frames.ts';

export interface TunnelOptions {
  readonly pingMs: number;
  /** Silence in both directions after which the tunnel ends. */
  readonly idleMs: number;
  readonly onOver: () => void;
}

/** Time that both sides have to answer a close frame. */
const closingMs = 2000;
/** "Service Restart" (IANA's WebSocket close codes). */
const restartCode = 1012;

export class WebSocketTunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #options: TunnelOptions;
  readonly #pingTimer: NodeJS.Timeout;
  #toClient: FrameState = atStart;
  #toUpstream: FrameState = atStart;
  #lastByteMs = performance.now();
  #closeReason: string | null = null;
  #isOver = false;

  constructor(client: Duplex, upstream: Duplex, options: TunnelOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    upstream.on('data', (chunk: Buffer) => this.#fromUpstream(chunk));
    client.on('drain', () => upstream.resume());
    upstream.on('drain', () => client.resume());
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
    for (const socket of [client, upstream]) {
      socket.on('error', () => this.#end());
      socket.on('close', () => this.#end());
    }
    this.#pingTimer = setInterval(() => this.#ping(), options.pingMs);
  }

  /** Ends the conversation at the next frame boundary; the client is told when to come back. */
  drain(retryAfterMs: number): void {
    this.#closeReason = `restart, reconnect in ${String(Math.round(retryAfterMs))} ms`;
    if (isBetweenFrames(this.#toClient)) this.#sendClose();
    setTimeout(() => this.#end(), closingMs).unref();
  }

  #fromClient(chunk: Buffer): void {
    this.#lastByteMs = performance.now();
    this.#toUpstream = trackFrames(this.#toUpstream, chunk).state;
    if (!this.#upstream.write(chunk)) this.#client.pause();
  }

  #fromUpstream(chunk: Buffer): void {
    this.#lastByteMs = performance.now();
    const { state, boundary } = trackFrames(this.#toClient, chunk);
    this.#toClient = state;
    if (this.#closeReason !== null && boundary !== -1 && !state.isClosing) {
      this.#client.write(chunk.subarray(0, boundary));
      this.#sendClose();
      return;
    }
    if (!this.#client.write(chunk)) this.#upstream.pause();
  }

  #sendClose(): void {
    if (this.#isOver || this.#toClient.isClosing || this.#closeReason === null) return;
    this.#client.write(Buffer.from(closeFrame(restartCode, this.#closeReason, null)));
    // What the upstream still says would come behind the close frame.
    this.#upstream.removeAllListeners('data');
    this.#upstream.resume();
    if (isBetweenFrames(this.#toUpstream) && !this.#toUpstream.isClosing) {
      const mask = [...randomBytes(4)];
      this.#upstream.write(Buffer.from(closeFrame(restartCode, '', mask)));
    }
    this.#client.removeAllListeners('data');
    this.#client.resume();
    this.#client.end();
  }

  #ping(): void {
    const silentMs = performance.now() - this.#lastByteMs;
    if (silentMs > this.#options.idleMs) this.#end();
    else if (silentMs >= this.#options.pingMs / 2 && isBetweenFrames(this.#toClient)) {
      if (!this.#toClient.isClosing) this.#client.write(Buffer.from(pingFrame));
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#pingTimer);
    this.#client.destroy();
    this.#upstream.destroy();
    this.#options.onOver();
  }
}
