/** What a region's replicator reports to its controller and router. */
import type { ReplicationDirective } from '../core/cluster-view.ts';
import type { Lsn } from '../core/lsn.ts';
import type { Position } from '../core/position.ts';
import type { RegionId } from '../core/region.ts';

export interface PeerStatus {
  readonly region: RegionId;
  readonly isConnected: boolean;
  /** The store its acknowledgements speak for. */
  readonly store: string | null;
  readonly applied: Position | null;
  /** Monotonic time of the last frame heard from it. */
  readonly heardAtMs: number;
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
  /** Highest position ever confirmed to a client since this epoch opened; null: not known. */
  readonly confirmed: Position | null;
  /** Proven: wall-clock time (primary's) up to which everything is applied here; ms since 1970. */
  readonly freshAtMs: number | null;
  /** Highest epoch for which the own log holds `sealed` / `opened`, learnt when it was read. */
  readonly sealedEpoch: number;
  readonly opened: { readonly epoch: number; readonly timeline: number } | null;
  readonly peers: readonly PeerStatus[];
}

export interface ReplicationStatus {
  report(): ReplicationReport;
  /** Calls `listener` after each change; returns how to stop that. */
  onChange(listener: (report: ReplicationReport) => void): () => void;
  /**
   * On the primary: the last transaction record at or below `lsn` once decoding has passed it,
   * waiting up to `waitMs`; null when it has not got there.
   */
  lastRecordAtOrBelow(lsn: Lsn, waitMs: number): Promise<Position | null>;
  /** On the primary: how many member regions hold `position` (applied), and how many there are. */
  holders(position: Position): { readonly held: number; readonly members: number };
  /**
   * On the primary: xids of records not yet reported as released; a reader's snapshot that shows
   * none of them as running sees every commit up to `position`.
   */
  unreleasedXids(upTo: Position): Promise<readonly number[]>;
}
