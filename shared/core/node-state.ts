/** What the node agent says of one PostgreSQL node of its region. */
import type { Lsn } from './lsn.ts';
import type { NodeId } from './node.ts';

export type NodeMode =
  /** A server of its own: the region's node. */
  | 'normal'
  /**
   * Reachable by Meridian's superuser from the agent's machine only; no walsender, no application.
   */
  | 'isolated'
  /** Follows `primary` by streaming replication. */
  | 'standby';

export interface NodeState {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
  /** `none`: no data folder; `half-made`: an initdb or base backup did not finish. */
  readonly data: 'none' | 'half-made' | 'ready';
  readonly process: 'stopped' | 'starting' | 'running' | 'failed';
  readonly mode: NodeMode | null;
  /** Whether its data can follow another node's; absent or null when that is not known. */
  readonly isStandby?: boolean | null;
  readonly pid: number | null;
  /** Of the server that runs; absent or null when none does or it is not known. */
  readonly version?: string | null;
  /** How often the process died since the agent started. */
  readonly restarts: number;
  /** Last thing that went wrong, in words. */
  readonly problem: string | null;
  /** Base backup under way: bytes so far and in all. */
  readonly progress: { readonly doneBytes: number; readonly totalBytes: number | null } | null;
  /** Of the disk that its data are on; absent or null when that is not known. */
  readonly disk?: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** While it begins as the copy of a database on another server; absent or null otherwise. */
  readonly adoption?: { readonly phase: 'copying' | 'following' | 'taking-over' } | null;
  /** After `seedRegionNode`: where the recovery of the base backup ended. */
  readonly recoveredTo: Lsn | null;
}
