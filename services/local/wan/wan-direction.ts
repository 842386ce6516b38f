/** What happens to bytes on their way from one region to another; changed while they travel. */
import { createPacketLoss } from './packet-loss.ts';

export type DirectionState = 'open' | 'cut' | 'frozen';

export interface DirectionReport {
  readonly from: string;
  readonly to: string;
  readonly state: DirectionState;
  /** One way, without what was added. */
  readonly latencyMs: number;
  readonly addedMs: number;
  /** Null: unlimited. */
  readonly bytesPerSecond: number | null;
  readonly bytes: number;
}

export type DirectionChange =
  /** Another one-way latency. */
  | { readonly action: 'set'; readonly latencyMs: number }
  /** Connections that use the direction are reset, and new ones too. */
  | { readonly action: 'cut' }
  /** Nothing is delivered and nothing fails: connections stay half open. */
  | { readonly action: 'freeze' }
  | { readonly action: 'slow'; readonly addedMs?: number; readonly bytesPerSecond?: number }
  /** So much of what is sent is lost, and sent again by TCP. */
  | { readonly action: 'lose'; readonly percent: number; readonly seed: number }
  /** What is sent comes in pieces of so many bytes, a millisecond apart. */
  | { readonly action: 'slice'; readonly pieceBytes: number }
  /** Open, with the latency of the distance. */
  | { readonly action: 'heal' };

const noLoss = (): number => 0;
const betweenPiecesMs = 1;

export interface Piece {
  readonly bytes: Buffer;
  /** After the first piece of what was sent with it. */
  readonly laterMs: number;
}

export class WanDirection {
  readonly from: string;
  readonly to: string;
  readonly #distanceMs: number;
  readonly #listeners = new Set<() => void>();
  #state: DirectionState = 'open';
  #latencyMs: number;
  #addedMs = 0;
  #bytesPerSecond: number | null = null;
  #bytes = 0;
  #stallMs = noLoss;
  #pieceBytes = Infinity;
  /** When the last byte taken leaves a limited line, on the clock of `performance.now()`. */
  #busyUntilMs = 0;

  constructor(pair: { readonly from: string; readonly to: string; readonly latencyMs: number }) {
    this.from = pair.from;
    this.to = pair.to;
    this.#distanceMs = pair.latencyMs;
    this.#latencyMs = pair.latencyMs;
  }

  get state(): DirectionState {
    return this.#state;
  }

  get delayMs(): number {
    return this.#latencyMs + this.#addedMs;
  }

  report(): DirectionReport {
    return {
      from: this.from,
      to: this.to,
      state: this.#state,
      latencyMs: this.#latencyMs,
      addedMs: this.#addedMs,
      bytesPerSecond: this.#bytesPerSecond,
      bytes: this.#bytes,
    };
  }

  change(change: DirectionChange): void {
    switch (change.action) {
      case 'set':
        this.#latencyMs = change.latencyMs;
        break;
      case 'cut':
        this.#state = 'cut';
        break;
      case 'freeze':
        this.#state = 'frozen';
        break;
      case 'slow':
        this.#addedMs = change.addedMs ?? this.#addedMs;
        this.#bytesPerSecond = change.bytesPerSecond ?? this.#bytesPerSecond;
        break;
      case 'lose':
        this.#stallMs = createPacketLoss(change.percent, change.seed);
        break;
      case 'slice':
        this.#pieceBytes = change.pieceBytes;
        break;
      case 'heal':
        this.#state = 'open';
        this.#latencyMs = this.#distanceMs;
        this.#addedMs = 0;
        this.#bytesPerSecond = null;
        this.#busyUntilMs = 0;
        this.#stallMs = noLoss;
        this.#pieceBytes = Infinity;
        break;
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` after each change; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `chunk`, which is not empty, is cut into on its way. */
  pieces(chunk: Buffer): readonly Piece[] {
    if (chunk.length <= this.#pieceBytes) return [{ bytes: chunk, laterMs: 0 }];
    const pieceBytes = this.#pieceBytes;
    return Array.from({ length: Math.ceil(chunk.length / pieceBytes) }, (_, index) => ({
      bytes: chunk.subarray(index * pieceBytes, (index + 1) * pieceBytes),
      laterMs: index * betweenPiecesMs,
    }));
  }

  /** When `size` bytes taken at `nowMs` arrive; a limited line is shared by all connections. */
  arrivalMs(size: number, nowMs: number): number {
    this.#bytes += size;
    if (this.#bytesPerSecond !== null) {
      const startMs = Math.max(nowMs, this.#busyUntilMs);
      this.#busyUntilMs = startMs + (size / this.#bytesPerSecond) * 1000;
      return this.#busyUntilMs + this.delayMs + this.#stallMs();
    }
    return nowMs + this.delayMs + this.#stallMs();
  }
}
