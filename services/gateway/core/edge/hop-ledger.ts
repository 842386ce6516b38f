/**
 * Hops that this gateway has signed are numbered; those that it has taken are remembered, so that
 * none counts twice. Of each signer the newest numbers are kept as bits in a ring (the sliding
 * window of RFC 4303, section 3.4.3): what is older than the window counts as taken.
 */

/** What tells one hop from all others. */
export interface HopNumber {
  /** The gateway process that signed it. */
  readonly sender: string;
  /** How many it had signed with this one. */
  readonly number: number;
}

interface Taken {
  highest: number;
  heardAtMs: number;
  readonly bits: Uint8Array;
}

/** Requests of one gateway to another that may overtake each other. */
const windowNumbers = 65_536;

export class HopLedger {
  /** Names this process to the gateways that take its hops. */
  readonly sender: string;
  readonly #keptMs: number;
  readonly #senders = new Map<string, Taken>();
  #signed = 0;

  /** A signer that is silent for `keptMs` is forgotten: its hops must be too old by then. */
  constructor(sender: string, keptMs: number) {
    this.sender = sender;
    this.#keptMs = keptMs;
  }

  /** For the next hop that is signed here. */
  next(): HopNumber {
    this.#signed += 1;
    return { sender: this.sender, number: this.#signed };
  }

  /** True once for each hop. */
  take({ sender, number }: HopNumber, nowMs: number): boolean {
    const taken = this.#senders.get(sender) ?? this.#meet(sender, nowMs);
    taken.heardAtMs = nowMs;
    if (number <= taken.highest - windowNumbers) return false;
    advance(taken, number);
    if (hasBit(taken.bits, number)) return false;
    setBit(taken.bits, number, true);
    return true;
  }

  #meet(sender: string, nowMs: number): Taken {
    for (const [known, { heardAtMs }] of this.#senders)
      if (nowMs - heardAtMs > this.#keptMs) this.#senders.delete(known);
    const taken = { highest: 0, heardAtMs: nowMs, bits: new Uint8Array(windowNumbers / 8) };
    this.#senders.set(sender, taken);
    return taken;
  }
}

/** The window ends at `number` at least; numbers that come into it are not taken yet. */
function advance(taken: Taken, number: number): void {
  if (number <= taken.highest) return;
  if (number - taken.highest >= windowNumbers) taken.bits.fill(0);
  else for (let at = taken.highest + 1; at <= number; at += 1) setBit(taken.bits, at, false);
  taken.highest = number;
}

function hasBit(bits: Uint8Array, number: number): boolean {
  const at = number % windowNumbers;
  return ((bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
}

function setBit(bits: Uint8Array, number: number, isOn: boolean): void {
  const at = number % windowNumbers;
  const byte = bits[at >> 3] ?? 0;
  bits[at >> 3] = isOn ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
}
