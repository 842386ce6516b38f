/**
 * The asking end of the region link to one other region: connects by itself, for ever; yields
 * records after a position and tells what is applied here. A silent connection counts as lost.
 */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { signPeerToken } from '../../../shared/auth/peer-token.ts';
import type { KeySet } from '../../../shared/config/secrets-schema.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { PushedRecord, RegionLink } from '../../../shared/ports/region-link.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { clientTls, internalOrigin, refusalOf } from '../../../shared/runtime/link-security.ts';
import { unpackRecord } from '../../../shared/runtime/record-packing.ts';
import { superviseLoop } from '../../../shared/runtime/supervised-loop.ts';
import { decodeFrame, encodeFrame, type LinkFrame } from '../core/link-frame.ts';
import { linkPath, linkPayloadBytesMax } from './link/link-server.ts';

export interface RegionLinkOptions {
  readonly peer: RegionId;
  readonly region: RegionId;
  readonly clusterId: string;
  readonly peerKeys: KeySet;
  readonly host: string;
  readonly port: number;
  readonly creditBytes: number;
  readonly heartbeatIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Subscription {
  readonly id: number;
  readonly records: Uint8Array[];
  wake: (() => void) | null;
  failure: Error | null;
}

export class PeerLink implements RegionLink {
  readonly peer: RegionId;
  readonly #options: RegionLinkOptions;
  #socket: WebSocket | null = null;
  #heardAtMs: number;
  #applied: Extract<LinkFrame, { kind: 'applied' }> | null = null;
  #subscription: Subscription | null = null;
  #nextId = 1;
  #waitingForOpen: (() => void)[] = [];

  constructor(options: RegionLinkOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#heardAtMs = options.clock.monotonicMs();
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  /** Monotonic time of the last frame; of the start before the first one. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Keeps the link connected until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await superviseLoop({
      name: `region link to ${this.peer}`,
      run: (inner, markHealthy) => this.#connect(inner, markHealthy),
      backoff: createBackoff({ firstMs: 50, maxMs: 2000 }),
      logger: this.#options.logger,
      signal,
    });
  }

  async *records(
    from: Position,
    options: { readonly epoch: Epoch; readonly signal: AbortSignal },
  ): AsyncIterable<PushedRecord> {
    const { signal } = options;
    while (this.#socket === null && !signal.aborted) await this.#opened(signal);
    if (signal.aborted) return;
    const { creditBytes } = this.#options;
    const id = this.#nextId;
    this.#nextId += 1;
    const subscription: Subscription = { id, records: [], wake: null, failure: null };
    this.#subscription = subscription;
    const wake = (): void => subscription.wake?.();
    signal.addEventListener('abort', wake);
    this.#send({ kind: 'subscribe', id, epoch: options.epoch, from, creditBytes });
    try {
      yield* this.#taken(subscription, signal);
    } finally {
      signal.removeEventListener('abort', wake);
      if (this.#subscription === subscription) {
        this.#subscription = null;
        this.#send({ kind: 'unsubscribe', id });
      }
    }
  }

  acknowledge(applied: Position, store: string, reached: Position = applied): void {
    this.#applied = { kind: 'applied', applied, reached, store };
    this.#send(this.#applied);
  }

  async *#taken(subscription: Subscription, signal: AbortSignal): AsyncIterable<PushedRecord> {
    let takenBytes = 0;
    while (!signal.aborted) {
      const bytes = subscription.records.shift();
      if (bytes === undefined) {
        if (subscription.failure !== null) throw subscription.failure;
        await new Promise<void>((resolve) => {
          subscription.wake = resolve;
        });
        continue;
      }
      const record = unpackRecord(bytes);
      if (record.kind === 'malformed') {
        throw new MeridianError('ProtocolViolation', `a record cannot be read: ${record.why}`);
      }
      yield { bytes, record };
      takenBytes += bytes.byteLength;
      if (takenBytes * 8 < this.#options.creditBytes && subscription.records.length > 0) continue;
      this.#send({ kind: 'credit', id: subscription.id, bytes: takenBytes });
      takenBytes = 0;
    }
  }

  async #connect(signal: AbortSignal, markHealthy: () => void): Promise<void> {
    const { region, clusterId, peerKeys, host, port, heartbeatIntervalMs, clock } = this.#options;
    const token = await signPeerToken(region, clusterId, peerKeys);
    const socket = new WebSocket(`${internalOrigin(host, port).replace('http', 'ws')}${linkPath}`, {
      ...clientTls('peer', host),
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: linkPayloadBytesMax,
      handshakeTimeout: 3000,
    });
    const close = (): void => socket.terminate();
    signal.addEventListener('abort', close);
    let wire: Socket | null = null;
    let bytesRead = 0;
    socket.on('upgrade', (reply) => {
      wire = reply.socket;
    });
    const beat = setInterval(() => {
      // A large record is under way for long before it is a message.
      const bytesNow = wire?.bytesRead ?? 0;
      if (bytesNow > bytesRead) this.#heardAtMs = clock.monotonicMs();
      bytesRead = bytesNow;
      const silentMs = clock.monotonicMs() - this.#heardAtMs;
      if (this.#socket === socket && silentMs > heartbeatIntervalMs * 3) socket.terminate();
      else this.#send({ kind: 'heartbeat' });
    }, heartbeatIntervalMs);
    try {
      await new Promise<void>((_, reject) => {
        socket.on('open', () => this.#open(socket));
        socket.on('message', (data: Buffer) => this.#take(data, markHealthy));
        socket.on('error', (error) => {
          const refusal: unknown = refusalOf('peer', error);
          reject(refusal instanceof Error ? refusal : error);
        });
        socket.on('close', () => reject(new Error('the region link was closed')));
      });
    } finally {
      clearInterval(beat);
      signal.removeEventListener('abort', close);
      this.#lose();
    }
  }

  #open(socket: WebSocket): void {
    this.#socket = socket;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    this.#send({ kind: 'hello', region: this.#options.region });
    if (this.#applied !== null) this.#send(this.#applied);
    for (const resolve of this.#waitingForOpen.splice(0)) resolve();
  }

  #lose(): void {
    this.#socket = null;
    const subscription = this.#subscription;
    if (subscription === null) return;
    subscription.failure = new Error(`the region link to ${this.peer} was lost`);
    subscription.wake?.();
  }

  #take(data: Buffer, markHealthy: () => void): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
    markHealthy();
    const frame = decodeFrame(data);
    const subscription = this.#subscription;
    if (frame.kind === 'malformed') this.#socket?.terminate();
    else if (frame.kind === 'record' && subscription?.id === frame.id) {
      subscription.records.push(frame.bytes);
      subscription.wake?.();
    } else if (frame.kind === 'refused' && subscription?.id === frame.id) {
      const { why, begins } = frame;
      const at = begins === null ? {} : { begins: formatPosition(begins) };
      const facts = { source: this.peer, ...at };
      subscription.failure = new MeridianError('LogUnavailable', why, facts);
      subscription.wake?.();
    }
  }

  #opened(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waitingForOpen.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #send(frame: LinkFrame): void {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN) socket.send(encodeFrame(frame));
  }
}
