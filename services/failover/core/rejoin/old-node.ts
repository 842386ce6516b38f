/**
 * What becomes of a node that was a server of its own and whose standby took its place: it is
 * started isolated and asked what it holds, what it alone held is listed at the open primary and
 * told to the control log, and only then its folder is set aside, so that it can be made anew as a
 * standby. One that does not come up, or whose tail is not to be read, is listed as such: nothing
 * of the region waits for it.
 */
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import type { Position } from '../../../../shared/core/position.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { DatabaseFacts, EffectResult } from '../controller-input.ts';
import type { ControllerState, TailFound } from '../controller-state.ts';
import {
  isChosen,
  isNodeOpen,
  isPromotedNode,
  openPrimary,
  ownDatabase,
  regionNode,
} from '../situation.ts';
import { isNoted, tailBound, tailNote, type TailBound } from './tail-note.ts';

export interface OldNode {
  readonly node: NodeId;
  /** Since when it has been started isolated and does not run. */
  readonly sinceMs: number;
  readonly facts: DatabaseFacts | null;
  /** What is listed of it; null before. */
  readonly found: TailFound | null;
}

/** So often it is told to start, asked, or read in vain; then its tail counts as not listable. */
const attempts = { start: 3, look: 20, list: 240 } as const;
/** A server that fails has so long to run after all; one that replays its WAL has much longer. */
const failingMs = 30_000;
const startingMs = 300_000;

/** Whether `node` was a server of its own, and another one is the region's now. */
export function isOldNode(state: ControllerState, node: NodeState): boolean {
  if (node.id === regionNode(state) || node.data !== 'ready') return false;
  return node.isStandby === false || node.mode === 'normal' || node.mode === 'isolated';
}

/** Which old node is dealt with: one at a time; called at each step. */
export function trackOldNode(state: ControllerState): ControllerState {
  if (state.kind !== 'running' || state.nodesHeardAtMs === null) return state;
  const { oldNode, nowMs } = state;
  const nodes = state.nodes.filter((one) => isOldNode(state, one));
  const node = nodes.find(({ id }) => id === oldNode?.node) ?? nodes[0];
  if (node === undefined) return oldNode === null ? state : { ...state, oldNode: null };
  if (oldNode?.node !== node.id) {
    return { ...state, oldNode: { node: node.id, sinceMs: nowMs, facts: null, found: null } };
  }
  // The time that it has begins when the agent starts it.
  if (node.mode === 'isolated' && node.process !== 'running') return state;
  return { ...state, oldNode: { ...oldNode, sinceMs: nowMs } };
}

/** The next effects on the old node; none while there is none, or while something is waited for. */
export function planOldNode(state: ControllerState): readonly EffectBody[] {
  const { oldNode } = state;
  if (oldNode === null || !state.areNodesFresh) return [];
  const { node } = oldNode;
  const step = nextStep(state, oldNode);
  switch (step.kind) {
    case 'wait':
      return [];
    case 'start':
      return [{ kind: 'startNode', node, mode: 'isolated', primary: null }];
    case 'look':
      return [{ kind: 'lookAtNode', node }];
    case 'list':
      return [listing(state, oldNode, step)].flatMap((effect) => effect ?? []);
    case 'setAside':
      return [{ kind: 'setAside', node }];
    default:
      return step satisfies never;
  }
}

/** What was seen of the old node. */
export function nodeLookedAt(state: ControllerState, result: EffectResult): ControllerState {
  const { oldNode } = state;
  if (result.kind !== 'nodeLooked' || oldNode?.node !== result.facts.node) return state;
  return { ...state, oldNode: { ...oldNode, facts: result.facts } };
}

/** What the end of the listing changes. */
export function nodeTailListed(state: ControllerState, result: EffectResult): ControllerState {
  const { oldNode, tailFound } = state;
  if (result.kind !== 'nodeTailListed' || oldNode?.node !== result.node) return state;
  const { epoch, transactions, rows, isListed } = result;
  const ofRegion = tailFound?.epoch === epoch && tailFound.mayBeConfirmed;
  const mayBeConfirmed = result.mayBeConfirmed || ofRegion;
  const found = { epoch, after: null, transactions, rows, mayBeConfirmed, isListed };
  const next = { ...state, oldNode: { ...oldNode, found } };
  // The region has one note of an epoch: it counts what was listed of its nodes as well.
  if (tailFound?.epoch !== epoch) return next;
  return { ...next, tailFound: { ...found, after: tailFound.after } };
}

/** After `node` was set aside. */
export function oldNodeGone(state: ControllerState, node: string): ControllerState {
  return state.oldNode?.node === node ? { ...state, oldNode: null } : state;
}

type Step =
  | { readonly kind: 'wait' | 'start' | 'look' | 'setAside' }
  | { readonly kind: 'list'; readonly own: Epoch | null; readonly bound: Bound };
type Bound = Pick<TailBound, 'epoch' | 'mayBeConfirmed'> & { readonly after: Position | null };

function nextStep(state: ControllerState, oldNode: OldNode): Step {
  const { facts, found } = oldNode;
  if (!hasLed(state)) return { kind: 'setAside' };
  if (found !== null) {
    const note = tailNote(found);
    return { kind: note !== null && isNoted(state, note) ? 'setAside' : 'wait' };
  }
  const own = (facts?.fence.lastOpenedEpoch ?? null) as Epoch | null;
  // A base backup that was never adopted, or a node that only ever applied: nothing is its own.
  const isOfOthers = facts !== null && facts.fence.region !== state.config.region;
  if (isOfOthers || own === 0) return { kind: 'setAside' };
  // Until its epoch has ended nothing says what of it is everybody's.
  const bound = own === null ? null : tailBound(state, endOf(own));
  if (own === null ? isEpochOpen(state) : bound === null) return { kind: 'wait' };
  const node = state.nodes.find(({ id }) => id === oldNode.node);
  if (isGivenUp(state, oldNode, node)) {
    const lost = bound ?? untoldBound(state);
    return lost === null
      ? { kind: 'setAside' }
      : { kind: 'list', own: null, bound: { ...lost, after: null } };
  }
  const waking = wakingStep(node);
  if (waking !== null) return { kind: waking };
  return own === null || bound === null ? { kind: 'look' } : { kind: 'list', own, bound };
}

/** What it takes until it runs isolated; null when it does. */
function wakingStep(node: NodeState | undefined): 'start' | 'wait' | null {
  if (node?.mode !== 'isolated') return 'start';
  return node.process === 'running' ? null : 'wait';
}

function isGivenUp(
  { failures, nowMs }: ControllerState,
  { node: id, sinceMs }: OldNode,
  node: NodeState | undefined,
): boolean {
  const [starts, looks] = [failures[`isolate:${id}`] ?? 0, failures[`lookAtNode:${id}`] ?? 0];
  if (starts >= attempts.start || looks >= attempts.look) return true;
  return nowMs - sinceMs >= (node?.process === 'failed' ? failingMs : startingMs);
}

/** Whether this region ever was primary: a node of one that was not only ever applied. */
function hasLed({ fold, config }: ControllerState): boolean {
  return fold.history.some(({ to }) => to === config.region);
}

/** Whether the epoch that the region's promoted node and the old one share goes on. */
function isEpochOpen(state: ControllerState): boolean {
  const opened = ownDatabase(state)?.fence.lastOpenedEpoch;
  return isPromotedNode(state) && opened === state.fold.epoch;
}

/**
 * Of a node that does not say which epoch it opened: the last one of this region that was lost, in
 * case nothing of it was told yet.
 */
function untoldBound({ fold, config }: ControllerState): Bound | null {
  const lost = fold.history.findLast(({ from, isQuick }) => from === config.region && !isQuick);
  if (lost === undefined) return null;
  const { epoch, isForced: mayBeConfirmed } = lost;
  const isTold = fold.notes.some(
    (one) => one.epoch === epoch && one.region === config.region && one.note.about === 'tail',
  );
  return isTold ? null : { epoch, mayBeConfirmed, after: null };
}

function listing(
  state: ControllerState,
  { node }: OldNode,
  { own, bound }: Extract<Step, { kind: 'list' }>,
): EffectBody | null {
  const target = placeOfRows(state);
  if (target === null) return null;
  const { epoch, mayBeConfirmed } = bound;
  const isReadable = (state.failures[`listNodeTail:${node}`] ?? 0) < attempts.list;
  const after = isReadable ? bound.after : null;
  const opened = state.fold.history.find((one) => one.epoch === own);
  // Just started, the replicator does not know its log yet; the progress row names it.
  const store = state.replication?.store ?? ownDatabase(state)?.progress?.store ?? null;
  const hasLog = store !== null && opened?.store === store;
  // A quarantined region lists what its own log has itself.
  const listsLog = state.role !== 'quarantined';
  const problem = state.nodes.find(({ id }) => id === node)?.problem ?? null;
  const isDown = `the node does not come up${problem === null ? '' : `: ${problem}`}`;
  const why = own === null ? isDown : 'what it holds cannot be read';
  return {
    kind: 'listNodeTail',
    ...{ node, own, epoch, after, mayBeConfirmed, hasLog, listsLog, why, target },
  };
}

/** The open node where history goes on: the region's own, or another region's. */
function placeOfRows(
  state: ControllerState,
): Extract<EffectBody, { kind: 'listNodeTail' }>['target'] | null {
  if (!isChosen(state)) return openPrimary(state);
  const isOpen = state.role === 'primary' && isNodeOpen(state);
  return isOpen ? { region: state.config.region, node: regionNode(state) } : null;
}

function endOf(epoch: Epoch): Position {
  return { epoch, endLsn: 0xffff_ffff_ffff_ffffn as Lsn };
}
