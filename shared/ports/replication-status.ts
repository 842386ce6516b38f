/** What a region's replicator reports to its controller and router. */
import type { Lsn } from '../core/lsn.ts';
import type { Position } from '../core/position.ts';
import type { ReplicationReport } from '../core/replication-report.ts';

export type { PeerStatus, ReplicationReport } from '../core/replication-report.ts';

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
