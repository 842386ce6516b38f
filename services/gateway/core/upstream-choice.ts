/**
 * Which instance of an upstream group takes a request: instances that may be used are told apart
 * from those that may not, then the group's algorithm chooses.
 */
import { assertNever } from '../../../shared/core/assert.ts';
import { adaptive } from './balance/adaptive.ts';
import type { Algorithm, Candidate, Choice, Draw } from './balance/candidate.ts';
import { consistentHash } from './balance/consistent-hash.ts';
import { hybrid } from './balance/hybrid.ts';
import { leastConnections } from './balance/least-connections.ts';
import { random } from './balance/random.ts';
import { roundRobin } from './balance/round-robin.ts';
import { smoothWeighted } from './balance/smooth-weighted.ts';

export type AlgorithmName =
  | 'round-robin'
  | 'weighted-round-robin'
  | 'random'
  | 'hybrid'
  | 'least-connections'
  | 'consistent-hash'
  | 'adaptive';

export interface Instance extends Candidate {
  /** What the active checks say. */
  readonly isUp: boolean;
  /** Passive ejection is in force. */
  readonly isEjected: boolean;
  /** Takes nothing new. */
  readonly isDraining: boolean;
  /** The circuit breaker lets a request through. */
  readonly isClosed: boolean;
  /** Every connection that it may have is in use. */
  readonly isFull: boolean;
  readonly zone: string | null;
  readonly capabilities: readonly string[];
}

export type Usability = 'usable' | 'draining' | 'down' | 'ejected' | 'open';

/** Why an instance may or may not be used now. */
export function usabilityOf(instance: Instance): Usability {
  if (instance.isDraining || instance.weight <= 0) return 'draining';
  if (!instance.isUp) return 'down';
  if (!instance.isClosed) return 'open';
  return instance.isEjected ? 'ejected' : 'usable';
}

/** Those that have every capability of `needs`. */
export function capable<T extends Instance>(
  instances: readonly T[],
  needs: readonly string[],
): readonly T[] {
  if (needs.length === 0) return instances;
  return instances.filter(({ capabilities }) => needs.every((one) => capabilities.includes(one)));
}

/**
 * Instances to choose from, without those `tried` and then those that are full, where that leaves
 * any. When none is usable the verdicts of checks are set aside (panic), draining and open ones
 * stay out: requests that would fail for certain may as well find out whether the checks are wrong.
 */
export function eligible<T extends Instance>(
  instances: readonly T[],
  tried: ReadonlySet<string>,
  zone: string | null,
): { readonly instances: readonly T[]; readonly isPanic: boolean } {
  // The usual case costs no list.
  if (tried.size === 0 && zone === null && instances.every(isReady)) {
    return { instances, isPanic: instances.length === 0 };
  }
  const usable = instances.filter(isUsable);
  const isPanic = usable.length === 0;
  const allowed = isPanic
    ? instances.filter(({ isDraining, isClosed, weight }) => !isDraining && isClosed && weight > 0)
    : usable;
  const fresh = tried.size === 0 ? allowed : allowed.filter(({ id }) => !tried.has(id));
  const rest = fresh.length > 0 ? fresh : allowed;
  const roomy = rest.filter(({ isFull }) => !isFull);
  const left = roomy.length > 0 ? roomy : rest;
  const near = zone === null ? [] : left.filter((instance) => instance.zone === zone);
  return { instances: near.length > 0 ? near : left, isPanic };
}

function isUsable(instance: Instance): boolean {
  return usabilityOf(instance) === 'usable';
}

function isReady(instance: Instance): boolean {
  return isUsable(instance) && !instance.isFull;
}

export interface Chooser {
  /** Index into `candidates` (at least one). */
  choose(candidates: readonly Candidate[], draw: Draw): number;
}

/** Keeps the state of the algorithm `name` between choices. */
export function createChooser(name: AlgorithmName): Chooser {
  switch (name) {
    case 'round-robin':
      return chooserOf(roundRobin);
    case 'weighted-round-robin':
      return chooserOf(smoothWeighted);
    case 'random':
      return chooserOf(random);
    case 'hybrid':
      return chooserOf(hybrid);
    case 'least-connections':
      return chooserOf(leastConnections);
    case 'consistent-hash':
      return chooserOf(consistentHash);
    case 'adaptive':
      return chooserOf(adaptive);
    default:
      return assertNever(name);
  }
}

function chooserOf<State>(algorithm: Algorithm<State>): Chooser {
  let state = algorithm.initial;
  return {
    choose(candidates, draw) {
      if (candidates.length === 1) return 0;
      const choice: Choice<State> = algorithm.choose(candidates, state, draw);
      state = choice.state;
      return choice.index;
    },
  };
}
