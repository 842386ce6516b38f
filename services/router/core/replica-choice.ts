/**
 * Chooses one of the nodes that may serve a read. Eligibility (health, position, staleness) was
 * decided before; this is only about spreading the load.
 */
import type { NodeId } from '../../../shared/core/node.ts';

export type ChoiceAlgorithm =
  'round-robin' | 'weighted-round-robin' | 'least-connections' | 'lowest-latency';

export interface Candidate {
  readonly id: NodeId;
  /** 0: only when nothing else is left. Slow start is already in it. */
  readonly weight: number;
  readonly inFlight: number;
  /** Smoothed duration of health checks and reads. */
  readonly latencyMs: number;
}

/** Smooth weighted round robin keeps a credit for each node; nothing else is remembered. */
export interface ChoiceState {
  readonly credits: ReadonlyMap<NodeId, number>;
}

export const initialChoiceState: ChoiceState = { credits: new Map() };

export interface Chosen {
  readonly state: ChoiceState;
  /** Null when there is no candidate. */
  readonly choice: NodeId | null;
  readonly why: string;
}

/** The node for the next read. Among equals the order is by credit, then by id. */
export function chooseReplica(
  state: ChoiceState,
  candidates: readonly Candidate[],
  algorithm: ChoiceAlgorithm,
): Chosen {
  if (candidates.length === 0) return { state, choice: null, why: 'no candidate' };
  const weighing = candidates.filter(({ weight }) => weight > 0);
  const pool = weighing.length > 0 ? weighing : candidates.map((one) => ({ ...one, weight: 1 }));
  switch (algorithm) {
    case 'round-robin':
      return smooth(state, pool.map(evenly), algorithm);
    case 'weighted-round-robin':
      return smooth(state, pool, algorithm);
    case 'least-connections':
      return smooth(
        state,
        lowestBy(pool, ({ inFlight, weight }) => inFlight / weight),
        algorithm,
      );
    case 'lowest-latency':
      return smooth(state, lowestBy(pool, latencyStep), algorithm);
  }
}

/** Weights from 0.999 up count as full, so that slow start shows in round robin too. */
function evenly(candidate: Candidate): Candidate {
  return { ...candidate, weight: Math.min(1, candidate.weight) };
}

/** Latencies in steps of 25 %, at least 0.25 ms: noise does not pin all reads to one node. */
function latencyStep({ latencyMs }: Candidate): number {
  return Math.round(Math.log(Math.max(0.25, latencyMs)) / Math.log(1.25));
}

function lowestBy(pool: readonly Candidate[], of: (one: Candidate) => number): Candidate[] {
  const lowest = Math.min(...pool.map(of));
  return pool.filter((one) => of(one) === lowest);
}

/** Smooth weighted round robin (nginx's): each gains its weight, the richest pays the total. */
function smooth(state: ChoiceState, pool: readonly Candidate[], why: string): Chosen {
  const total = pool.reduce((sum, { weight }) => sum + weight, 0);
  const credits = new Map<NodeId, number>();
  let choice: NodeId | null = null;
  let highest = -Infinity;
  for (const { id, weight } of pool.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const credit = (state.credits.get(id) ?? 0) + weight;
    credits.set(id, credit);
    if (credit > highest) [choice, highest] = [id, credit];
  }
  if (choice !== null) credits.set(choice, highest - total);
  const kept = [...state.credits].filter(([id]) => !credits.has(id));
  return { state: { credits: new Map([...kept, ...credits]) }, choice, why };
}
