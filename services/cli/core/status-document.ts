/**
 * The document of `status --json`, made from what the regions answered and from the cluster file.
 * Every region of the cluster file is in it, whether it answered or not: what another region last
 * heard of a silent one is shown, with its health as `unreachable`.
 */
import type { NodeReport, RegionReport, Role } from '../../../shared/core/cluster-view.ts';

export interface ReportedNode extends Omit<NodeReport, 'position' | 'id'> {
  readonly id: string;
  readonly position: string | null;
}

/** What a region says of its broker, and of the copies of the control log as it sees them. */
export interface ReportedBroker {
  /** Null when Meridian did not start it. */
  readonly version: string | null;
  readonly outOfSync: readonly string[];
}

/** A RegionReport as it comes in JSON: positions are text. */
export interface ReportedRegion extends Omit<
  RegionReport,
  'id' | 'epoch' | 'position' | 'nodes' | 'broker'
> {
  readonly broker?: ReportedBroker;
  readonly id: string;
  readonly epoch: number;
  readonly position: string | null;
  readonly nodes: readonly ReportedNode[];
}

export interface ChangeUnderWay {
  readonly epoch: number;
  readonly kind: string;
  /** What it still lacks, for instance the seal of a region that is needed. */
  readonly waitsFor: string | null;
  /** Promises given so far; final: of an old primary that writes nothing any more. */
  readonly seals: readonly {
    readonly region: string;
    readonly position: string;
    readonly final: boolean;
  }[];
}

/** The newest epoch: how it began, and what is known of it since. */
export interface LastChange {
  readonly epoch: number;
  readonly change: string;
  readonly isForced: boolean;
  readonly from: string | null;
  readonly to: string;
  /** Wall-clock time at which it was asked for. */
  readonly atMs: number | null;
  readonly pauseMs: number | null;
  readonly rowsLost: number | null;
  readonly why: string;
}

/** The fold's rules, as a region's control log has them. */
export interface Rules {
  readonly inForce: number;
  /** The newest that each region has said that it knows. */
  readonly known: Readonly<Record<string, number>>;
}

/** What one region's admin listener says of the whole cluster. */
export interface RegionsAnswer {
  readonly from: string;
  readonly cluster: string;
  /** Null from versions that do not say. */
  readonly version: string | null;
  readonly epoch: number;
  readonly primary: string | null;
  readonly members: readonly string[];
  /** Regions that a semi-sync COMMIT waits for now, and those that it should wait for. */
  readonly k: number;
  readonly policyK: number;
  /** Null from versions that do not say. */
  readonly rules: Rules | null;
  readonly change: ChangeUnderWay | null;
  readonly lastChange: LastChange | null;
  /** Of this region's own lease; null when it holds none. */
  readonly leaseRemainingMs: number | null;
  /** Why the control log decides nothing, as this region finds; null while it does. */
  readonly controlLog: string | null;
  readonly regions: readonly ReportedRegion[];
}

/** A part of a region that Meridian did not start. */
export interface ExternalPart {
  readonly name: 'kafka' | 'redis';
  /** `redis.example:6379`. */
  readonly place: string;
}

/** What the region's process says of it; null when it does not answer. */
export interface SeenPart extends ExternalPart {
  readonly ok: boolean | null;
  readonly detail: string;
}

/** What the cluster file says of a region, as far as `status` needs it. */
export interface ListedRegion {
  readonly id: string;
  readonly name: string;
  readonly nodes: readonly string[];
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  /** Absent without a cluster file: the admin API does not say. */
  readonly external?: readonly ExternalPart[];
}

export interface StatusRegion {
  readonly id: string;
  readonly name: string;
  readonly role: Role | 'unknown';
  readonly why: string;
  /** Roles, grants and settings that differ from the primary's. */
  readonly drift: readonly string[];
  /** What a person should look at before it stops something. */
  readonly warnings: readonly string[];
  /** Of its Meridian; null when it is not known. */
  readonly version: string | null;
  /** Null when it does not say. */
  readonly broker: ReportedBroker | null;
  readonly epoch: number | null;
  readonly position: string | null;
  readonly lagMs: number | null;
  readonly health: RegionReport['health'];
  readonly nodes: readonly ReportedNode[];
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  /** Null until there is a wire front end. */
  readonly wireUrl: null;
  readonly external?: readonly SeenPart[];
}

export interface StatusDocument {
  readonly cluster: string;
  readonly epoch: number;
  readonly primary: string | null;
  readonly members: readonly string[];
  /** Regions that a semi-sync COMMIT waits for now; fewer than `policyK` while degraded. */
  readonly k: number;
  readonly policyK: number;
  readonly rules: Rules | null;
  /** The change of primary that is under way. */
  readonly change: ChangeUnderWay | null;
  readonly lastChange: LastChange | null;
  /** Of the primary, as it says itself; null when it holds none or does not answer. */
  readonly leaseRemainingMs: number | null;
  /** Why nothing can be decided now: no region finds that it can. */
  readonly controlLog: string | null;
  readonly regions: readonly StatusRegion[];
}

/** Null when no region answered. The newest epoch decides what the cluster-wide fields say. */
export function statusDocument(
  listed: readonly ListedRegion[],
  answers: readonly RegionsAnswer[],
): StatusDocument | null {
  const newest = answers.reduce<RegionsAnswer | null>(
    (best, answer) => (best === null || answer.epoch > best.epoch ? answer : best),
    null,
  );
  if (newest === null) return null;
  return {
    cluster: newest.cluster,
    epoch: newest.epoch,
    primary: newest.primary,
    members: newest.members,
    k: newest.k,
    policyK: newest.policyK,
    rules: newest.rules,
    change: newest.change,
    lastChange: newest.lastChange,
    leaseRemainingMs: answers.find(({ from }) => from === newest.primary)?.leaseRemainingMs ?? null,
    controlLog: answers.some((one) => one.controlLog === null) ? null : newest.controlLog,
    regions: listed.map((region) => statusRegion(region, answers)),
  };
}

function statusRegion(region: ListedRegion, answers: readonly RegionsAnswer[]): StatusRegion {
  const answer = answers.find(({ from }) => from === region.id) ?? null;
  const own = reportIn(answer, region.id);
  const heard = answers
    .map((one) => reportIn(one, region.id))
    .filter((report) => report !== null)
    .sort((a, b) => a.ageMs - b.ageMs)[0];
  const report = own ?? heard;
  const isSilent = own === null;
  return {
    id: region.id,
    name: region.name,
    role: report?.role ?? 'unknown',
    why: report?.why ?? 'no region has heard of it',
    drift: report?.drift ?? [],
    warnings: report?.warnings ?? [],
    version: answer?.version ?? report?.version ?? null,
    broker: report?.broker ?? null,
    epoch: report?.epoch ?? null,
    position: report?.position ?? null,
    lagMs: isSilent ? null : (report?.lagMs ?? null),
    health: isSilent ? 'unreachable' : (report?.health ?? 'unreachable'),
    nodes: nodesOf(region, report?.nodes ?? [], isSilent),
    gatewayUrl: region.gatewayUrl,
    adminUrl: region.adminUrl,
    wireUrl: null,
  };
}

function reportIn(answer: RegionsAnswer | null, id: string): ReportedRegion | null {
  return answer?.regions.find((report) => report.id === id) ?? null;
}

function nodesOf(
  region: ListedRegion,
  reported: readonly ReportedNode[],
  isSilent: boolean,
): readonly ReportedNode[] {
  return region.nodes.map((id, index) => {
    const node = reported.find((candidate) => candidate.id === id);
    const kind = index === 0 ? 'node' : 'standby';
    if (node === undefined) return { id, kind, role: 'down', position: null, healthy: false };
    return isSilent ? { ...node, healthy: false } : node;
  });
}
