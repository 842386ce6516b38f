/** What a region's replicator says of its work: the controller and the router decide on it. */
import type { ReplicationDirective } from './cluster-view.ts';
import type { Member } from './control/control-state.ts';
import type { Position } from './position.ts';
import type { RegionId } from './region.ts';

export interface PeerStatus {
  readonly region: RegionId;
  readonly isConnected: boolean;
  /** The store its acknowledgements speak for. */
  readonly store: string | null;
  readonly applied: Position | null;
  /** Monotonic time of the last frame heard from it. */
  readonly heardAtMs: number;
}

/** What a region needs is not in `source`'s log any more, which holds what is after `begins`. */
export interface LogOverrun {
  readonly source: RegionId;
  readonly begins: Position;
}

export interface ReplicationReport {
  /** The directive that the figures below belong to. */
  readonly directive: ReplicationDirective;
  /** `done` for directives that end (seed, complete, catch-up); `running` once work goes on. */
  readonly phase: 'starting' | 'running' | 'done' | 'failed';
  readonly why: string;
  /** Names this region's data log; null before there is one. */
  readonly store: string | null;
  /** Last transaction record durably applied here (for a primary: decoded and logged). */
  readonly applied: Position;
  /** Last transaction record in the own log. */
  readonly logEnd: Position;
  /** For how long the own log has not acknowledged what was sent to it; 0 when nothing waits. */
  readonly logWaitMs: number;
  /** Highest position ever confirmed to a client since this epoch opened; null: not known. */
  readonly confirmed: Position | null;
  /**
   * On the primary: the members whose acknowledgements count as of this report. `confirmed` of the
   * same report is at or past everything that was released while others still counted.
   */
  readonly countedMembers: readonly Member[];
  /** Proven: wall-clock time (primary's) up to which everything is applied here; ms since 1970. */
  readonly freshAtMs: number | null;
  /** Highest epoch for which the own log holds `sealed` / `opened`, learnt when it was read. */
  readonly sealedEpoch: number;
  readonly opened: { readonly epoch: number; readonly timeline: number } | null;
  readonly peers: readonly PeerStatus[];
  /** Why it cannot be completed from any log; absent or null while it can. */
  readonly overrun?: LogOverrun | null;
  /** Limits of the disk that are near, in words; absent or empty when none is. */
  readonly warnings?: readonly string[];
  /** On a region that follows: roles, grants and settings that differ from the primary's. */
  readonly drift?: readonly string[];
}
