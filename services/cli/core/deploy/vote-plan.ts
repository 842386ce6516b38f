/**
 * How Kafka's vote of one region goes to another while everything runs (KIP-853): the new voter is
 * taken in, the copy of the control log moves, the old voter is left out. Each look at the quorum
 * gives the next step, so a move that was broken off goes on. It waits for nothing that a lost
 * region would have to do, and refuses to begin while another voter than the old one is silent.
 */
import type { FileChange } from '../rescue/rescued-cluster.ts';

/** The parts of a cluster file that matter here. */
export interface VotingPlaces {
  readonly regions: readonly {
    readonly id: string;
    readonly kafka: { readonly isVoter: boolean };
  }[];
}

export type GivePlan =
  | { readonly kind: 'plan'; readonly changes: readonly FileChange[] }
  | { readonly kind: 'refused'; readonly why: string };

/** The changes of a cluster file in which `to` has the vote of `from`. */
export function planGive({ regions }: VotingPlaces, from: string, to: string): GivePlan {
  const indexOf = (id: string): number => regions.findIndex((region) => region.id === id);
  const [giver, taker] = [regions[indexOf(from)], regions[indexOf(to)]];
  if (giver === undefined) return { kind: 'refused', why: `the file has no region ${from}` };
  if (taker === undefined) return { kind: 'refused', why: `the file has no region ${to}` };
  if (!giver.kafka.isVoter) return { kind: 'refused', why: `${from} has no vote to give` };
  if (taker.kafka.isVoter) return { kind: 'refused', why: `${to} has a vote already` };
  return {
    kind: 'plan',
    changes: [
      [['regions', indexOf(from), 'kafka', 'isVoter'], false],
      [['regions', indexOf(to), 'kafka', 'isVoter'], true],
      [['regions', indexOf(to), 'kafka', 'joinsLater'], true],
    ],
  };
}

export interface VotingNode {
  readonly nodeId: number;
  readonly directoryId: string;
  /** How long ago it had all that the leader had, by the leader's clock. */
  readonly behindMs: number;
}

export interface VoteFacts {
  readonly voters: readonly VotingNode[];
  readonly observers: readonly VotingNode[];
  /** Of the control log. */
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

/** Kafka's node ids. */
export interface Move {
  readonly from: number;
  readonly to: number;
}

export type VoteStep =
  | { readonly kind: 'add-voter' | 'remove-voter'; readonly node: VotingNode }
  | { readonly kind: 'move-copy'; readonly replicas: readonly number[] }
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'refuse'; readonly why: string }
  | { readonly kind: 'done' };

/** A voter fetches several times a second; the metadata log has a record at least as often. */
const silentMs = 5000;

/** What to do next; `nameOf` gives the region of a node for a person. */
export function nextVoteStep(
  facts: VoteFacts,
  { from, to }: Move,
  nameOf: (nodeId: number) => string,
): VoteStep {
  const { voters, observers, replicas, inSync } = facts;
  const giver = voters.find(({ nodeId }) => nodeId === from);
  const taker = voters.find(({ nodeId }) => nodeId === to);
  if (giver === undefined && taker !== undefined && !replicas.includes(from)) {
    return { kind: 'done' };
  }
  const silent = voters.filter(({ nodeId, behindMs }) => nodeId !== from && behindMs > silentMs);
  if (silent.length > 0) {
    const names = silent.map(({ nodeId }) => nameOf(nodeId)).join(', ');
    return { kind: 'refuse', why: `${names} does not follow: one more loss would stop everything` };
  }
  if (taker === undefined) {
    const node = observers.find(({ nodeId, behindMs }) => nodeId === to && behindMs <= silentMs);
    if (node === undefined) return { kind: 'wait', why: `the Kafka node of ${nameOf(to)}` };
    return { kind: 'add-voter', node };
  }
  if (replicas.includes(from)) {
    if (replicas.includes(to)) return { kind: 'wait', why: `the control log's copy` };
    const moved = replicas.map((nodeId) => (nodeId === from ? to : nodeId));
    return { kind: 'move-copy', replicas: moved };
  }
  const isWhole = replicas.every((nodeId) => inSync.includes(nodeId));
  if (!isWhole) return { kind: 'wait', why: `the control log's copies to be in step` };
  return giver === undefined ? { kind: 'done' } : { kind: 'remove-voter', node: giver };
}
