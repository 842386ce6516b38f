/**
 * Carries one direction of one connection: bytes, and the end of them, arrive in order after the
 * direction's delay. Back-pressure is kept: a full line stops its source.
 */
import type { Socket } from 'node:net';
import type { WanDirection } from './wan-direction.ts';

type Item = { readonly dueMs: number; readonly chunk: Buffer | null };

/** What may be on its way in one connection, as a TCP window would allow. */
const bytesMax = 8 * 1024 * 1024;

export class DelayLine {
  readonly #direction: WanDirection;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #items: Item[] = [];
  readonly #stopListening: () => void;
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isTargetFull = false;
  /** Nothing arrives before: a connection takes a round trip to be made. */
  readonly #notBeforeMs: number;
  /** When the last piece of what was taken before sets out. */
  #lastSlicedMs = 0;

  constructor(
    direction: WanDirection,
    ends: { source: Socket; target: Socket; notBeforeMs: number },
  ) {
    this.#direction = direction;
    this.#source = ends.source;
    this.#target = ends.target;
    this.#notBeforeMs = ends.notBeforeMs;
    this.#stopListening = direction.onChange(() => this.#deliver());
    this.#source.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#source.on('end', () => this.#take(null));
    this.#target.on('drain', () => {
      this.#isTargetFull = false;
      this.#deliver();
    });
  }

  /** Forgets what is on its way. */
  close(): void {
    this.#stopListening();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#items.length = 0;
  }

  #take(chunk: Buffer | null): void {
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#notBeforeMs, this.#lastSlicedMs);
    const dueMs = this.#direction.arrivalMs(chunk?.length ?? 0, startMs);
    const pieces = chunk === null ? [null] : this.#direction.pieces(chunk);
    for (const piece of pieces) {
      this.#items.push({ dueMs: dueMs + (piece?.laterMs ?? 0), chunk: piece?.bytes ?? null });
    }
    this.#lastSlicedMs = startMs + (pieces.at(-1)?.laterMs ?? 0);
    this.#bytes += chunk?.length ?? 0;
    if (this.#bytes >= bytesMax) this.#source.pause();
    if (this.#timer === null) this.#deliver();
  }

  #deliver(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#direction.state === 'open' && !this.#isTargetFull) {
      const next = this.#items[0];
      if (next === undefined) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#deliver(), Math.max(1, Math.round(waitMs)));
        return;
      }
      this.#items.shift();
      if (next.chunk === null) {
        this.#target.end();
        return;
      }
      this.#isTargetFull = !this.#target.write(next.chunk);
      this.#bytes -= next.chunk.length;
      if (this.#bytes < bytesMax / 2 && this.#source.isPaused()) this.#source.resume();
    }
  }
}
