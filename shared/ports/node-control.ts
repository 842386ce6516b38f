/** What the node agent offers to the region's controller: the processes and folders of the region. */
import type { Lsn } from '../core/lsn.ts';
import type { NodeId } from '../core/node.ts';

export type NodeMode =
  /** A server of its own: the region's node. */
  | 'normal'
  /** Reachable by Meridian's superuser from the agent's machine only; no walsender, no application. */
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
  readonly pid: number | null;
  /** How often the process died since the agent started. */
  readonly restarts: number;
  /** Last thing that went wrong, in words. */
  readonly problem: string | null;
  /** Base backup under way: bytes so far and in all. */
  readonly progress: { readonly doneBytes: number; readonly totalBytes: number | null } | null;
  /** After `seedRegionNode`: where the recovery of the base backup ended. */
  readonly recoveredTo: Lsn | null;
}

export interface NodeControl {
  nodes(): Promise<readonly NodeState[]>;
  /** initdb, settings, roles and Meridian's schemas; leaves the node stopped. No-op when ready. */
  initialise(node: NodeId): Promise<void>;
  /** Base backup of `source`, recovered to its end and promoted; leaves the node stopped. */
  seedRegionNode(node: NodeId, source: { host: string; port: number }): Promise<NodeState>;
  /** Base backup of the region's own node, left as a standby of it (slot included). */
  seedStandby(node: NodeId, primary: NodeId): Promise<void>;
  start(node: NodeId, mode: NodeMode, primary: NodeId | null): Promise<void>;
  stop(node: NodeId): Promise<void>;
  /** Ends recovery of a standby; it becomes a server of its own. */
  promote(node: NodeId): Promise<void>;
  /** Keeps the folder aside under a name with the time, so that a base backup can replace it. */
  setAside(node: NodeId): Promise<void>;
}
