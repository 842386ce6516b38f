/** What a balancing algorithm sees of an upstream instance, and what it answers. */

export interface Candidate {
  readonly id: string;
  /** Above 0; already reduced while the instance starts slowly. */
  readonly weight: number;
  /** Requests under way through this gateway. */
  readonly inFlight: number;
  /** Smoothed time to the reply head in milliseconds; 0 while nothing is known. */
  readonly latencyMs: number;
}

/** Chance and affinity of one request. */
export interface Draw {
  /** Uniform in [0, 1). */
  readonly first: number;
  /** Uniform in [0, 1), independent of `first`. */
  readonly second: number;
  /** What consistent hashing hashes. */
  readonly key: string;
}

export interface Choice<State> {
  /** Index into the candidates. */
  readonly index: number;
  readonly state: State;
}

/** Chooses one of at least one candidates. */
export interface Algorithm<State> {
  readonly initial: State;
  choose(candidates: readonly Candidate[], state: State, draw: Draw): Choice<State>;
}
