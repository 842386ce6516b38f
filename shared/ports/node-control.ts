/**
 * What the node agent offers to the region's controller: the processes and folders of the region.
 */
import type { NodeId } from '../core/node.ts';
import type { NodeMode, NodeState } from '../core/node-state.ts';

export type { NodeMode, NodeState } from '../core/node-state.ts';

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
