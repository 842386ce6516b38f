/** What a look at a node says about its position (DESIGN.md section 6). */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { Position } from '../../../shared/core/position.ts';

/** One row that every node answers, whatever its role. */
export interface NodeLook {
  readonly isInRecovery: boolean;
  /** Replayed on a standby, flushed elsewhere: every visible commit is at or below it. */
  readonly walLsn: Lsn | null;
  readonly progress: Position | null;
  readonly openEpoch: number | null;
  readonly sealedEpoch: number;
  /** The look's own snapshot, as PostgreSQL writes it; later statements see at least as much. */
  readonly snapshot: string;
}

export interface NodePosition {
  readonly position: Position;
  /** It is a WAL position of the epoch's primary, not the end of a transaction record. */
  readonly isWal: boolean;
}

/**
 * The node's position; null when nothing is known. WAL counts only in the region that is open as
 * primary, on a node that has the opening of this very epoch; elsewhere the progress row does.
 */
export function positionOfLook(look: NodeLook, view: ClusterView): NodePosition | null {
  const { progress, walLsn } = look;
  if (progress === null) return null;
  const isOfOpenEpoch = view.role === 'primary' && view.isOpen && progress.epoch === view.epoch;
  if (!isOfOpenEpoch || walLsn === null) return { position: progress, isWal: false };
  return { position: { epoch: view.epoch, endLsn: walLsn }, isWal: true };
}

/** Whether `look` shows a node that is open for the view's epoch and promised to no later one. */
export function isOpenFor(look: NodeLook, view: ClusterView): boolean {
  return !look.isInRecovery && look.openEpoch === view.epoch && look.sealedEpoch <= view.epoch;
}

/** Whether `node` takes the region's writes, as far as the view says. */
export function isPrimaryNode(node: NodeId, view: ClusterView): boolean {
  return view.node === node && view.primary === view.region;
}
