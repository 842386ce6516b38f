/** JSON forms of a request and a reply between the routers of two regions: positions as text. */
import type { Consistency } from '../../../shared/core/consistency.ts';
import { formatPosition, parsePosition, type Position } from '../../../shared/core/position.ts';

/** Positions inside a request or a reply, and what stands for them on the way. */
export type Portable<T> = {
  readonly [K in keyof T]: K extends 'token' | 'position'
    ? string | null
    : K extends 'consistency'
      ? T[K] extends Consistency
        ? PortableConsistency
        : T[K]
      : T[K];
};

export interface PortableConsistency {
  readonly level: Consistency['level'];
  readonly maxStalenessMs?: number | undefined;
}

/** A position as text, or null. */
export function portablePosition(position: Position | null): string | null {
  return position === null ? null : formatPosition(position);
}

/** The position written as text; `malformed` when it is none. */
export function positionOfPortable(text: string | null): Position | null | 'malformed' {
  return text === null ? null : (parsePosition(text) ?? 'malformed');
}

/** The level without its token, which travels beside it. */
export function portableConsistency(consistency: Consistency): PortableConsistency {
  return consistency.level === 'bounded'
    ? { level: 'bounded', maxStalenessMs: consistency.maxStalenessMs }
    : { level: consistency.level };
}

/** The level with its token again. */
export function consistencyOf(portable: PortableConsistency, token: Position | null): Consistency {
  switch (portable.level) {
    case 'session':
      return { level: 'session', token };
    case 'bounded':
      return { level: 'bounded', maxStalenessMs: portable.maxStalenessMs ?? 0 };
    default:
      return { level: portable.level };
  }
}
