/** Finds where the fold of the control log begins: the own checkpoint, else another region's. */
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import type { NodeControl } from '../../../shared/ports/node-control.ts';
import type { Checkpoint } from '../core/controller-input.ts';
import { readCheckpoint } from './checkpoint-store.ts';
import { NodeConnection, type NodeAccess } from './node-connection.ts';
import { askCheckpoint, type PeerReportsOptions } from './watch/peer-reports.ts';

export interface CheckpointSearch extends PeerReportsOptions {
  readonly nodeControl: NodeControl;
  readonly access: NodeAccess;
}

const boundMs = 3000;

/**
 * The own node's when it answers, else the newest of another region; null: nobody has any. Throws
 * ProtocolViolation when the own one is of a version that is not known here.
 */
export async function findCheckpoint(search: CheckpointSearch): Promise<Checkpoint | null> {
  const own = await ownCheckpoint(search).catch((error: unknown) => {
    if (isMeridianError(error, 'ProtocolViolation')) throw error;
    return null;
  });
  return own ?? askCheckpoint(search);
}

async function ownCheckpoint({
  nodeControl,
  access,
}: CheckpointSearch): Promise<Checkpoint | null> {
  const nodes = await nodeControl.nodes();
  const node = nodes.find(({ mode, process }) => mode === 'normal' && process === 'running');
  if (node === undefined) return null;
  const connection = new NodeConnection(access, 'meridian-checkpoint');
  try {
    return await connection.run({ host: node.host, port: node.port }, boundMs, readCheckpoint);
  } finally {
    connection.close();
  }
}
