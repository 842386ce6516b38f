/**
 * The frozen view that a region's controller publishes to the region's other services, and the
 * report that regions exchange. Gateways, routers and replicators decide on it; it is a copy, so
 * each safety rule is checked again where the data is.
 */
import type { ChangeKind, Revocation } from './control/control-record.ts';
import type { ControlState, Member, Promotion } from './control/control-state.ts';
import type { Epoch } from './epoch.ts';
import type { Lsn } from './lsn.ts';
import type { NodeId } from './node.ts';
import type { Position } from './position.ts';
import type { RegionId } from './region.ts';

/** Roles of a region (HOUSE_STYLE section 2). */
export const roles = [
  'joining',
  'catching-up',
  'replica',
  'promoting',
  'primary',
  'draining',
  'fenced',
  'rejoining',
  'quarantined',
] as const;
export type Role = (typeof roles)[number];

/**
 * What the replicator of a region is to do now. It converges and reports; repeating is harmless.
 */
export type ReplicationDirective =
  /** Touch neither PostgreSQL nor the data log. */
  | { readonly kind: 'idle'; readonly why: string }
  /**
   * After a base backup: copy the source's log up to the last transaction record at or below
   * (`epoch`, `recoveredTo`), or up to `position` when it is given; close it with a seed record,
   * set
   * the progress row with the new store. Then done. Due while the row's store is empty.
   */
  | {
      readonly kind: 'seed';
      readonly source: RegionId;
      readonly epoch: Epoch;
      readonly position: Position | null;
      readonly recoveredTo: Lsn;
    }
  /** Receive from `source`, log first, apply, acknowledge. */
  | { readonly kind: 'follow'; readonly epoch: Epoch; readonly source: RegionId }
  /**
   * A seal is due for `sealEpoch`: apply the own log to its end (replica), or decode to the WAL
   * end into the own log (the node that opened `epoch`), append `sealed`, then done; the position
   * of the last transaction record is reported as `logEnd`. Without a prepare it judges the tail of
   * an old primary. A region without progress row (the first, in epoch 0) gets its store here, or
   * ahead of it, once the prepare that prefers it is open and its node is taken.
   */
  | {
      readonly kind: 'complete';
      readonly epoch: Epoch;
      readonly sealEpoch: Epoch;
      readonly isOpener: boolean;
      /** WAL end to decode to when `isOpener`. */
      readonly walEnd: Lsn | null;
    }
  /** Promotion: get and apply everything up to `cut` from the source's log. Then done. */
  | {
      readonly kind: 'catch-up';
      readonly epoch: Epoch;
      readonly source: RegionId;
      readonly cut: Position;
    }
  /**
   * Append `opened` and `epoch-start` once, decode the slot of `epoch` as walsender
   * `walsenderName`, push to all, and report three positions. `isOpen` false while the probe
   * COMMIT is still due.
   */
  | {
      readonly kind: 'lead';
      readonly epoch: Epoch;
      readonly cut: Position;
      readonly timeline: number;
      readonly slot: string;
      readonly publication: string;
      readonly walsenderName: string;
      readonly isOpen: boolean;
    };

export interface ClusterView {
  /** Grows with each change within one run of the controller. */
  readonly version: number;
  readonly clusterId: string;
  readonly cell: string;
  readonly region: RegionId;
  readonly role: Role;
  /** Why the region has this role, in words. */
  readonly why: string;
  /** False until the controller's own hello is read back. */
  readonly isReady: boolean;
  readonly incarnation: string;
  readonly epoch: Epoch;
  readonly primary: RegionId | null;
  readonly members: readonly Member[];
  readonly k: number;
  readonly policyK: number;
  readonly history: readonly Promotion[];
  /** The open change of primary: routers hold requests for the primary meanwhile. */
  readonly prepare: {
    readonly epoch: Epoch;
    readonly change: ChangeKind;
    readonly preferred: RegionId | null;
  } | null;
  /** Access tokens that no region accepts any more. */
  readonly revoked: readonly Revocation[];
  /** The node that takes writes or applies the log in this region; null while there is none. */
  readonly node: NodeId | null;
  /** True only while this region's node is open for `epoch` and no seal is due. */
  readonly isOpen: boolean;
  /** Monotonic time (of the process that made this view) until which the own lease is valid. */
  readonly leaseValidUntilMs: number | null;
  /** Strong reads wait until K members have applied this position; null: no such wait. */
  readonly strongReadsFrom: Position | null;
  readonly replication: ReplicationDirective;
  readonly reports: readonly RegionReport[];
}

export interface NodeReport {
  readonly id: NodeId;
  readonly kind: 'node' | 'standby';
  readonly role: 'primary' | 'replica' | 'standby' | 'down';
  readonly position: Position | null;
  readonly healthy: boolean;
  /** Of its PostgreSQL; absent while it is not known. */
  readonly version?: string;
}

/** What people are told of a region's broker. */
export interface BrokerReport {
  /** Null when Meridian did not start it. */
  readonly version: string | null;
  /** Whose copies of the control log lack what its leader has, as this broker knows it. */
  readonly outOfSync: readonly RegionId[];
}

/** What a region says of itself; exchanged every second and shown by `status`. */
export interface RegionReport {
  readonly id: RegionId;
  readonly name: string;
  readonly role: Role;
  readonly why: string;
  readonly epoch: Epoch;
  readonly position: Position | null;
  readonly lagMs: number | null;
  readonly health: 'healthy' | 'degraded' | 'unreachable' | 'starting';
  readonly nodes: readonly NodeReport[];
  /** Accepts traffic of its own: false while it is drained by an operator. */
  readonly isAccepting: boolean;
  /** Roles, settings and objects that differ from the primary's; absent when there are none. */
  readonly drift?: readonly string[];
  /** What a person should look at before it stops something; absent when there is nothing. */
  readonly warnings?: readonly string[];
  /** Disks that are nearly full, in words; absent when none is. */
  readonly diskAlarms?: readonly string[];
  /** Of the program that runs there; absent in reports of older programs. */
  readonly version?: string;
  /** Absent in reports of older programs, and while the broker does not answer. */
  readonly broker?: BrokerReport;
  /** To the other regions and back; absent in reports of older programs. */
  readonly roundTripsMs?: Readonly<Record<RegionId, number>>;
  /** It has lately heard nothing from the primary; absent when it has. */
  readonly isPrimarySilent?: boolean;
  /** Milliseconds since this report was heard; 0 for the own one. */
  readonly ageMs: number;
}

/** The fields of a view that come straight from the fold. */
export function foldedPart(
  state: ControlState,
): Pick<
  ClusterView,
  'epoch' | 'primary' | 'members' | 'k' | 'policyK' | 'history' | 'prepare' | 'revoked'
> {
  return {
    epoch: state.epoch,
    primary: state.primary,
    members: state.members,
    k: state.k,
    policyK: state.policy?.k ?? 1,
    history: state.history,
    prepare: state.prepare,
    revoked: state.revoked,
  };
}
