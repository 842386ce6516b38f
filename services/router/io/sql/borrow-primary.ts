/** A connection to the primary's node, for whatever may write there. */
import type { NodeId } from '../../../../shared/core/node.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { DataRequest } from '../../../../shared/ports/data-access.ts';
import type { Lent, NodePools } from '../node-pools.ts';

export interface PrimaryConnections {
  readonly pools: NodePools;
  readonly onNotPrimary: (node: NodeId, why: string) => void;
}

/** Throws NotPrimary when the node takes no connection, else what borrowing throws. */
export async function borrowPrimary(
  { pools, onNotPrimary }: PrimaryConnections,
  node: NodeId,
  { caller, deadlineMs }: DataRequest,
): Promise<Lent> {
  try {
    return await pools.borrow(node, caller.role, deadlineMs);
  } catch (error) {
    if (!isMeridianError(error, 'ReplicaUnavailable')) throw error;
    onNotPrimary(node, error.message);
    throw new MeridianError('NotPrimary', 'The primary takes no connection now.', {}, error);
  }
}
