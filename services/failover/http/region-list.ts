/** The regions as `GET /admin/regions` shows them: what each said last, and how old that is. */
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { BrokerReport, RegionReport } from '../../../shared/core/cluster-view.ts';
import { noEpoch } from '../../../shared/core/epoch.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import type { ControllerAccess } from './controller-access.ts';

/** A region that has been silent for longer is shown as unreachable. */
const silenceMs = 5000;

export interface ShownNode {
  readonly id: string;
  readonly kind: 'node' | 'standby';
  readonly role: string;
  readonly position: string | null;
  readonly healthy: boolean;
  readonly version?: string;
}

export interface ShownRegion {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly why: string;
  readonly epoch: number;
  readonly position: string | null;
  readonly lagMs: number | null;
  readonly health: string;
  readonly version?: string;
  readonly broker?: BrokerReport;
  readonly isAccepting: boolean;
  readonly ageMs: number;
  readonly nodes: readonly ShownNode[];
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  readonly wireUrl: null;
}

/** Every configured region, in the order of the cluster file. */
export function listRegions(access: ControllerAccess): readonly ShownRegion[] {
  const { drained } = access.state().fold;
  return access.regions.map((config) => ({
    ...shown(config, newestReport(access, config)),
    isAccepting: !drained.includes(config.id),
  }));
}

/** What is known of a region: its own word here, else what it said last, counted up to now. */
function newestReport(access: ControllerAccess, config: RegionConfig): RegionReport {
  if (config.id === access.region) {
    const own = access.view().reports.find((report) => report.id === config.id);
    return own ?? silent(config, 'the controller has just started', 'starting');
  }
  const peer = access.state().peers.find(({ report }) => report.id === config.id);
  if (peer === undefined) return silent(config, 'nothing has been heard from it', 'unreachable');
  const ageMs = Math.round(peer.report.ageMs + access.nowMs() - peer.heardAtMs);
  const health = ageMs > silenceMs ? 'unreachable' : peer.report.health;
  return { ...peer.report, ageMs, health };
}

function silent(
  config: RegionConfig,
  why: string,
  health: 'starting' | 'unreachable',
): RegionReport {
  return {
    id: config.id,
    name: config.name,
    role: 'joining',
    why,
    epoch: noEpoch,
    position: null,
    lagMs: null,
    health,
    nodes: [],
    isAccepting: true,
    ageMs: 0,
  };
}

function shown(config: RegionConfig, report: RegionReport): ShownRegion {
  const { listeners, bind } = config;
  return {
    ...report,
    name: config.name,
    position: textOf(report.position),
    nodes: report.nodes.map((node) => ({ ...node, position: textOf(node.position) })),
    gatewayUrl: internalOrigin(bind, listeners.public),
    adminUrl: internalOrigin(bind, listeners.admin),
    wireUrl: null,
  };
}

function textOf(position: Position | null): string | null {
  return position === null ? null : formatPosition(position);
}
