/**
 * Sends status frames to the walsender: at once when a position moves, and on an own timer at a
 * fraction of `wal_sender_timeout`, also while reading is paused. Nobody else moves the slot.
 */
import type { StatusPositions, Walsender } from '../../../shared/pg/walsender.ts';

export class StatusSender {
  readonly #walsender: Walsender;
  readonly #timer: NodeJS.Timeout;
  #positions: StatusPositions;
  #isScheduled = false;

  /** `timeoutMs`: the server's wal_sender_timeout; 0 means that it never times out. */
  constructor(walsender: Walsender, first: StatusPositions, timeoutMs: number) {
    this.#walsender = walsender;
    this.#positions = first;
    const intervalMs = timeoutMs === 0 ? 1000 : Math.max(10, Math.min(1000, timeoutMs / 4));
    this.#timer = setInterval(() => this.send(true), intervalMs);
  }

  /** Takes new positions; sent once for all changes of this turn of the event loop. */
  update(positions: StatusPositions): void {
    const { write, flush, apply } = this.#positions;
    if (positions.write === write && positions.flush === flush && positions.apply === apply) return;
    this.#positions = positions;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.send(false);
    });
  }

  /** Sends the positions as they are; `asksReply`: the server tells how far it has got. */
  send(asksReply: boolean): void {
    this.#walsender.sendStatus(this.#positions, asksReply);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
