/**
 * Keeps what is known of those who may have to be completed from this region's log: how far each
 * has come, and whether it still moves. What is not known counts as needing everything.
 */
import type { Role } from '../../../shared/core/cluster-view.ts';
import { comparePositions, isAtOrPast, type Position } from '../../../shared/core/position.ts';
import type { LogReader } from './log-retention.ts';

/** What was found out about one of them just now. */
export interface ReaderFacts {
  readonly name: string;
  readonly isConnected: boolean;
  /** Durably applied there, as it said last; null when it has not said so. */
  readonly position: Position | null;
  /** Monotonic time when it said that. */
  readonly heardAtMs: number;
  /** Of a region; null for a node of the own region. */
  readonly role: Role | null;
}

/** What the log holds: everything after `begins`, up to `logEnd`. */
export interface LogSpan {
  readonly begins: Position;
  readonly logEnd: Position;
}

interface KnownReader {
  readonly name: string;
  readonly position: Position | null;
  readonly isConnected: boolean;
  /** When it last came further, or had nothing more to take. */
  readonly movedAtMs: number;
  /**
   * While it is seeded, and until it says how far its seed reaches: everything after this may be
   * wanted. Not null; `position` null in it: everything.
   */
  readonly seeding: Seeding | null;
}

interface Seeding {
  readonly position: Position | null;
  readonly sinceMs: number;
  readonly lastAtMs: number;
}

/** A seed that takes longer is not waited for. */
const seedMsMax = 24 * 60 * 60 * 1000;

export type LogReaders = readonly KnownReader[];

export const noReaders: LogReaders = [];

/** What is known after `facts` were found out at `nowMs`; who is not among them is forgotten. */
export function stepReaders(
  known: LogReaders,
  found: { readonly facts: readonly ReaderFacts[] } & LogSpan,
  nowMs: number,
): LogReaders {
  return found.facts.map((facts) => {
    const before = known.find(({ name }) => name === facts.name) ?? null;
    const floor = lowestOf(
      known.filter((one) => one !== before),
      found,
    );
    const seeding = seedingOf(before, facts, { floor, nowMs });
    const position = seeding === null ? facts.position : seeding.position;
    const hasAll = position !== null && isAtOrPast(position, found.logEnd);
    const hasMoved = before === null || !isSame(before.position, position);
    return {
      name: facts.name,
      position,
      isConnected: facts.isConnected,
      movedAtMs: hasAll || hasMoved ? nowMs : before.movedAtMs,
      seeding,
    };
  });
}

/** The readers as retention weighs them; one that stands still for `patienceMs` is not active. */
export function readersOf(known: LogReaders, patienceMs: number, nowMs: number): LogReader[] {
  return known.map(({ name, position, isConnected, movedAtMs, seeding }) => ({
    name,
    position,
    isActive: isConnected && (isSeeded(seeding, nowMs) || nowMs - movedAtMs < patienceMs),
  }));
}

function isSeeded(seeding: Seeding | null, nowMs: number): boolean {
  // Until it is heard after its seed, for as long as that can take at most.
  return seeding !== null && nowMs - seeding.sinceMs < seedMsMax;
}

function seedingOf(
  before: KnownReader | null,
  facts: ReaderFacts,
  at: { readonly floor: Position | null; readonly nowMs: number },
): Seeding | null {
  if (facts.role === 'joining') {
    // A backup that is taken now reaches at least as far as everybody had come before it.
    const seeding = before?.seeding ?? { position: null, sinceMs: at.nowMs };
    const position = before === null || before.seeding !== null ? seeding.position : at.floor;
    return { position, sinceMs: seeding.sinceMs, lastAtMs: at.nowMs };
  }
  const seeding = before?.seeding ?? null;
  return seeding !== null && facts.heardAtMs <= seeding.lastAtMs ? seeding : null;
}

/** How far everybody has come whom the log can still complete; null when that is not known. */
function lowestOf(known: LogReaders, { begins, logEnd }: LogSpan): Position | null {
  let lowest = logEnd;
  for (const { position } of known) {
    if (position === null) return null;
    if (isAtOrPast(position, begins) && isAtOrPast(lowest, position)) lowest = position;
  }
  return lowest;
}

function isSame(a: Position | null, b: Position | null): boolean {
  if (a === null || b === null) return a === b;
  return comparePositions(a, b) === 0;
}
