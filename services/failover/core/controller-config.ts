/** What a region's controller is told once, at its start. Durations in milliseconds. */
import type { Policy } from '../../../shared/core/control/control-record.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';

export interface ControllerConfig {
  readonly clusterId: string;
  readonly cell: string;
  readonly region: RegionId;
  readonly regionName: string;
  /** Of the program that runs, as its package says. */
  readonly programVersion: string;
  /** Unique per start of a controller. */
  readonly incarnation: string;
  /** The region's PostgreSQL nodes in the order of the cluster file; the first is preferred. */
  readonly nodes: readonly [NodeId, ...NodeId[]];
  /** Proposed to the control log, which decides. `version` and `rules` are the fold's. */
  readonly policy: Omit<Policy, 'version' | 'rules'>;
  readonly renewIntervalMs: number;
  /** How long the region's node may be away before its standby is promoted. */
  readonly nodeRecoveryMs: number;
  /** How long a member may be silent before it is removed. */
  readonly memberTimeoutMs: number;
  /** How long K members may confirm nothing before fewer are asked; null: commits wait. */
  readonly degradeAfterMs: number | null;
  /** Bound on running transactions in a switchover; then their sessions are ended. */
  readonly drainMs: number;
  /** Bound of a whole switchover; then it is abandoned. */
  readonly switchoverMs: number;
  /** No automatic failover so soon after the one before it. */
  readonly failoverBackoffMs: number;
  /** The region that takes the primary role back by itself; null: none does. */
  readonly preferredPrimary: RegionId | null;
  /** So long after the last change of primary, and so long in step with the primary. */
  readonly preferredQuietMs: number;
  /** A switchover's target may lag this much at most. */
  readonly switchoverLagMs: number;
  /** How often the fold is written to the region's own PostgreSQL. */
  readonly checkpointIntervalMs: number;
}

/** The bounds that the cluster file need not name. */
export const defaultBounds = {
  drainMs: 600,
  switchoverMs: 8000,
  failoverBackoffMs: 10_000,
  preferredPrimary: null,
  preferredQuietMs: 600_000,
  switchoverLagMs: 2000,
  checkpointIntervalMs: 10_000,
} as const;
