/** The view that the region's other services decide on, made from the controller's state. */
import {
  foldedPart,
  type ClusterView,
  type NodeReport,
  type RegionReport,
} from '../../../shared/core/cluster-view.ts';
import { publicationOf } from '../../../shared/core/epoch.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';
import { diskAlarms } from './detection/disk-alarms.ts';
import { isPrimarySilent } from './detection/primary-silence.ts';
import { countedMembers } from './members/member-plan.ts';
import { roundTripsOf } from './relay/log-leader.ts';
import { directiveOf } from './replication-directive.ts';
import {
  hasLease,
  isNodeOpen,
  isPeerLive,
  ownDatabase,
  ownPosition,
  regionNode,
} from './situation.ts';

/** The view of this moment; its version is the one before + 1. */
export function viewOf(state: ControllerState): ClusterView {
  const { config, fold, role, tenure } = state;
  const isOpen = role === 'primary' && isNodeOpen(state) && tenure?.isBroken === false;
  return {
    version: (state.view?.version ?? 0) + 1,
    clusterId: config.clusterId,
    cell: config.cell,
    region: config.region,
    role,
    why: state.why,
    isReady: state.kind === 'running',
    incarnation: config.incarnation,
    ...foldedPart(fold),
    members: countedMembers(state),
    node: ownDatabase(state) === null ? null : regionNode(state),
    isOpen,
    leaseValidUntilMs: isOpen ? state.lease.validUntilMs : null,
    strongReadsFrom: tenure?.strongReadsFrom ?? null,
    replication: directiveOf(state),
    reports: [ownReport(state), ...peerReports(state)],
  };
}

/** The node of the region that is primary, as it was last reported; null without one. */
export function primaryNode(
  view: ClusterView,
): { readonly region: RegionId; readonly node: NodeId } | null {
  const report = view.reports.find(({ id }) => id === view.primary);
  const node = report?.nodes.find((one) => one.kind === 'node' && one.healthy);
  return report === undefined || node === undefined ? null : { region: report.id, node: node.id };
}

/** Whether two views say the same, their versions aside. */
export function isSameView(a: ClusterView, b: ClusterView): boolean {
  return isSame({ ...a, version: 0 }, { ...b, version: 0 });
}

/** Deep equality of plain data; parts that are the same object are not looked into. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => isSame(left[key], right[key]));
}

function peerReports(state: ControllerState): readonly RegionReport[] {
  return state.peers.map(({ report, heardAtMs }) => {
    // Whole half seconds: a view is not published again for each millisecond of age.
    const age = report.ageMs + Math.max(0, state.nowMs - heardAtMs);
    const ageMs = Math.floor(age / 500) * 500;
    const isLive = isPeerLive(state, report.id);
    const isAccepting = !state.fold.drained.includes(report.id);
    return { ...report, ageMs, isAccepting, health: isLive ? report.health : 'unreachable' };
  });
}

/** What this region says of itself. */
export function ownReport(state: ControllerState): RegionReport {
  const { config, fold, role, why } = state;
  const position = ownPosition(state);
  const differences = [...(state.replication?.drift ?? []), ...state.schemaDifferences];
  const drift = role === 'replica' ? differences : [];
  const warnings = warningsOf(state);
  const disks = diskAlarms(state.nodes);
  return {
    ...(drift.length === 0 ? {} : { drift }),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(disks.length === 0 ? {} : { diskAlarms: disks }),
    version: config.programVersion,
    ...(isPrimarySilent(state) ? { isPrimarySilent: true } : {}),
    roundTripsMs: roundTripsOf(state),
    id: config.region,
    name: config.regionName,
    role,
    why,
    epoch: fold.epoch,
    position,
    lagMs: lagOf(state),
    health: healthOf(state),
    nodes: state.nodes.map((node) => nodeReport(state, node, position)),
    isAccepting: !fold.drained.includes(config.region),
    ageMs: 0,
  };
}

/** What a person should look at before it stops something. */
function warningsOf(state: ControllerState): readonly string[] {
  const { seededAnew, replication, nodes } = state;
  const own = seededAnew === null ? [] : [seededAnew];
  return [...own, ...(replication?.warnings ?? []), ...diskAlarms(nodes)];
}

/** How far behind the primary this region is, to 10 ms; null when nothing proves it. */
function lagOf(state: ControllerState): number | null {
  if (state.role === 'primary' || state.role === 'draining') return 0;
  const freshAtMs = state.replication?.freshAtMs ?? null;
  if (freshAtMs === null) return null;
  return Math.max(0, Math.round((state.wallMs - freshAtMs) / 10) * 10);
}

function healthOf(state: ControllerState): RegionReport['health'] {
  switch (state.role) {
    case 'primary':
      return hasLease(state) && hasSlot(state) ? 'healthy' : 'degraded';
    case 'replica':
      return ownDatabase(state) !== null ? 'healthy' : 'degraded';
    case 'joining':
    case 'catching-up':
    case 'promoting':
      return state.kind === 'halted' ? 'degraded' : 'starting';
    default:
      return 'degraded';
  }
}

function hasSlot(state: ControllerState): boolean {
  const name = publicationOf(state.fold.epoch);
  return ownDatabase(state)?.slots.some((slot) => slot.name === name && slot.isSound) === true;
}

function nodeReport(
  state: ControllerState,
  node: NodeState,
  position: Position | null,
): NodeReport {
  const isOwn = node.id === regionNode(state);
  const isStandbyUp = node.process === 'running' && node.mode !== 'isolated';
  const isUp = isOwn ? ownDatabase(state) !== null : isStandbyUp;
  const upRole = !isOwn ? 'standby' : state.role === 'primary' ? 'primary' : 'replica';
  return {
    id: node.id,
    kind: isOwn ? 'node' : 'standby',
    role: isUp ? upRole : 'down',
    position: isOwn && isUp ? position : null,
    healthy: isUp && node.data === 'ready',
    ...(typeof node.version === 'string' ? { version: node.version } : {}),
  };
}
