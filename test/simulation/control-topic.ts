/** The control log as regions see it: one order for all, but a record may be long on its way. */
import type { ControlRecord } from '../../shared/core/control/control-record.ts';

export class ControlTopic {
  readonly #records: ControlRecord[] = [];
  readonly #underWay: { readonly atTick: number; readonly record: ControlRecord }[] = [];

  get length(): number {
    return this.#records.length;
  }

  /** The record at `offset`, or undefined at the end. */
  at(offset: number): ControlRecord | undefined {
    return this.#records[offset];
  }

  append(record: ControlRecord): void {
    this.#records.push(record);
  }

  /** Appends `record` at `atTick`, behind those that were sent earlier for the same tick. */
  appendLate(record: ControlRecord, atTick: number): void {
    const place = this.#underWay.findIndex((other) => other.atTick > atTick);
    this.#underWay.splice(place === -1 ? this.#underWay.length : place, 0, { atTick, record });
  }

  /** Whether a record that `isWanted` is still on its way. */
  hasUnderWay(isWanted: (record: ControlRecord) => boolean): boolean {
    return this.#underWay.some(({ record }) => isWanted(record));
  }

  /** The brokers lose power: what was on its way is gone, and so is everything from `from` on. */
  losePower(from: number): void {
    this.#underWay.length = 0;
    this.#records.length = Math.min(from, this.#records.length);
  }

  /** Lets arrive what was on its way until `tick`. */
  deliver(tick: number): void {
    while ((this.#underWay[0]?.atTick ?? Infinity) <= tick) {
      const arrived = this.#underWay.shift();
      if (arrived !== undefined) this.#records.push(arrived.record);
    }
  }
}
