/**
 * Makes the region have a node with data, running, its own and taken by this controller; then its
 * standbys. Only the first region in priority ever makes a new database, and only for epoch 1;
 * every other begins from a base backup (DESIGN.md section 5).
 */
import type { NodeId } from '../../../shared/core/node.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { EffectBody } from './controller-effect.ts';
import type { ControllerState } from './controller-state.ts';
import { isOldNode, planOldNode } from './rejoin/old-node.ts';
import {
  isChosen,
  isPeerLive,
  lastOpened,
  overrunOf,
  ownDatabase,
  regionNode,
  regionNodeState,
} from './situation.ts';

/** A standby that did not start so often is made anew. */
const startAttempts = 3;

/** The next effects on nodes; none while the agent has not answered since the last one. */
export function planNodes(state: ControllerState): readonly EffectBody[] {
  const node = regionNodeState(state);
  if (node === null || state.nodesHeardAtMs === null) return [];
  const standby = successor(state, node);
  if (standby !== null) return [{ kind: 'promoteNode', node: standby.id }];
  if (node.data !== 'ready') return planData(state, node);
  if (node.mode !== 'normal' || node.process === 'stopped') {
    return [{ kind: 'startNode', node: node.id, mode: 'normal', primary: null }];
  }
  const { database, config } = state;
  if (database === null || !state.isDatabaseFresh) return [];
  if (state.kind !== 'running') return [];
  const owner = database.fence.region;
  if (owner !== '' && owner !== config.region) return adopt(state, node);
  if (owner === '' || database.fence.incarnation !== config.incarnation) {
    const { region, incarnation } = config;
    return [{ kind: 'takeNode', node: node.id, region, incarnation }];
  }
  // Its data are about to be replaced: a copy of them would have to be set aside again.
  const isGivenUp = state.role === 'quarantined' || overrunOf(state) !== null;
  return isGivenUp || isWaitedFor(state) ? [] : planStandbys(state);
}

/** Whether writes wait for this region's node: a base backup would take its disk from it. */
function isWaitedFor(state: ControllerState): boolean {
  const { fold, role, config } = state;
  const { prepare } = fold;
  if (prepare !== null) return [prepare.oldPrimary, prepare.preferred].includes(config.region);
  const isFirstOpening = fold.epoch === 1 && lastOpened(state) === null;
  return isChosen(state) && role !== 'primary' && !isFirstOpening;
}

/**
 * The standby to promote now: the region's node has been away for `nodeRecoveryMs`, or its data
 * are gone. A node that this controller never saw is given ten times as long to come up.
 */
function successor(state: ControllerState, node: NodeState): NodeState | null {
  const { databaseLostAtMs, databaseSilentAtMs, databaseHeardAtMs, config } = state;
  if (state.kind !== 'running') return null;
  const patienceMs = config.nodeRecoveryMs * (databaseHeardAtMs > 0 ? 1 : 10);
  // From answer to answer: a pause of this process is not the node's absence.
  const isAway = databaseLostAtMs !== null && databaseSilentAtMs - databaseLostAtMs >= patienceMs;
  if (node.data === 'ready' && !isAway) return null;
  const isFit = (one: NodeState): boolean =>
    one.id !== node.id &&
    one.data === 'ready' &&
    one.mode === 'standby' &&
    one.process === 'running';
  return state.nodes.find(isFit) ?? null;
}

/** Whether this region is the one that may make a new database. */
export function mayInitialise(state: ControllerState): boolean {
  const { fold, config, kind } = state;
  if (kind !== 'running' || fold.epoch !== 0 || fold.policy === null) return false;
  return fold.policy.priority[0] === config.region;
}

/** The region and node to take a base backup of; null while there is none fit for it. */
export function seedSource(
  state: ControllerState,
): { readonly region: RegionId; readonly node: NodeId } | null {
  const { fold, config, peers } = state;
  const inOrder = [fold.primary, ...(fold.policy?.priority ?? [])];
  for (const region of inOrder) {
    if (region === null || region === config.region || !isPeerLive(state, region)) continue;
    const report = peers.find((peer) => peer.report.id === region)?.report;
    const role = report?.role;
    const isFit = role === 'primary' || role === 'replica' || role === 'catching-up';
    const node = report?.nodes.find((one) => one.kind === 'node' && one.healthy);
    if (isFit && node !== undefined && report?.epoch === fold.epoch)
      return { region, node: node.id };
  }
  return null;
}

/**
 * Keeps the data of the region's nodes aside, one after the other, its own node's last: what an old
 * node alone held is listed before.
 */
export function planSettingAside(state: ControllerState): readonly EffectBody[] {
  const node = regionNode(state);
  const [first] = state.nodes
    .filter((one) => one.data !== 'none')
    .toSorted((a, b) => Number(a.id === node) - Number(b.id === node));
  return first === undefined ? [] : planAside(state, first);
}

function planAside(state: ControllerState, node: NodeState): readonly EffectBody[] {
  if (isOldNode(state, node)) return planOldNode(state);
  return [{ kind: 'setAside', node: node.id }];
}

function planData(state: ControllerState, node: NodeState): readonly EffectBody[] {
  if (state.kind !== 'running') return [];
  const stale = state.nodes.find((one) => one.id !== node.id && one.data !== 'none');
  const aside = (id: NodeId): readonly EffectBody[] => [{ kind: 'setAside', node: id }];
  if (mayInitialise(state)) {
    if (node.data === 'half-made') return aside(node.id);
    return [{ kind: 'initialiseNode', node: node.id }];
  }
  const source = state.fold.epoch > 0 ? seedSource(state) : null;
  if (source === null) return [];
  // Standbys of data that are gone would follow a history that is not theirs.
  if (stale !== undefined) return planAside(state, stale);
  if (node.data === 'half-made') return aside(node.id);
  return [
    { kind: 'seedRegionNode', node: node.id, source: source.region, sourceNode: source.node },
  ];
}

/** A base backup becomes the region's own; where its recovery ended must be known. */
function adopt(state: ControllerState, node: NodeState): readonly EffectBody[] {
  const { region } = state.config;
  if (node.recoveredTo === null) return [{ kind: 'setAside', node: node.id }];
  return [{ kind: 'adoptSeed', node: node.id, region, recoveredTo: node.recoveredTo }];
}

function planStandbys(state: ControllerState): readonly EffectBody[] {
  const primary = regionNode(state);
  // A base backup waits for the node's own work: it is taken once the region has a history.
  if ((ownDatabase(state)?.progress ?? null) === null) return [];
  for (const node of state.nodes) {
    if (node.id === primary || isOldNode(state, node)) continue;
    if (node.data === 'half-made') return [{ kind: 'setAside', node: node.id }];
    if (node.data === 'none') return [{ kind: 'seedStandby', node: node.id, primary }];
    // One that cannot follow is kept as it is, and made anew.
    const isStopped = node.process === 'stopped';
    const cannotFollow =
      isStopped && (state.failures[`startNode:${node.id}`] ?? 0) >= startAttempts;
    if (cannotFollow) return [{ kind: 'setAside', node: node.id }];
    if (isStopped) {
      return [{ kind: 'startNode', node: node.id, mode: 'standby', primary }];
    }
  }
  // The other standbys come first: what an old node holds waits where it is.
  return planOldNode(state);
}
