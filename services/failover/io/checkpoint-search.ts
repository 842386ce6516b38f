/**
 * Finds where the fold of the control log begins: the own checkpoint, or another region's when
 * there is none, or when it is so old that the log may not reach back to it.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { NodeControl } from '../../../shared/ports/node-control.ts';
import { chooseCheckpoint, isAskingOthers, type OwnCheckpoint } from '../core/checkpoint-choice.ts';
import type { Checkpoint } from '../core/controller-input.ts';
import { withDeadline } from '../../../shared/runtime/sleep.ts';
import { readCheckpoint } from './checkpoint-store.ts';
import type { KnownLog } from './relay/connect-control-log.ts';
import { NodeConnection, type NodeAccess } from './node-connection.ts';
import { askCheckpoint, type PeerReportsOptions } from './watch/peer-reports.ts';

export interface CheckpointSearch extends PeerReportsOptions {
  readonly nodeControl: NodeControl;
  readonly access: NodeAccess;
  readonly log: {
    /** Where the control log begins; rejects when Kafka does not answer. */
    begins(): Promise<LogOffset>;
    /** Called once, before the log is read: what is known of it. */
    expect(log: KnownLog): void;
  };
  /** How long records of the control log stay in any case. */
  readonly keepMs: number;
}

const boundMs = 3000;
/** Kafka answers at once or not: a start does not wait for it, the age of the own one tells too. */
const beginsMs = 1000;

/** Half of the time after which what follows it may be deleted: clocks differ. */
const oldPart = 0.5;

/**
 * Null: nobody has any. Throws ProtocolViolation when the own one is of a version that is not known
 * here, LogUnavailable while the log does not reach back to any that is at hand.
 */
export async function findCheckpoint(search: CheckpointSearch): Promise<Checkpoint | null> {
  const [own, begins] = await Promise.all([
    ownCheckpoint(search).catch((error: unknown) => {
      if (isMeridianError(error, 'ProtocolViolation')) throw error;
      return null;
    }),
    withDeadline(search.log.begins(), beginsMs, () => new Error('late')).catch(() => null),
  ]);
  const isAsking = isAskingOthers(own, { begins, oldAfterMs: search.keepMs * oldPart });
  const others = isAsking ? await askCheckpoint(search) : null;
  const choice = chooseCheckpoint(own, others, begins);
  if (choice.kind !== 'chosen') throw new MeridianError('LogUnavailable', choice.why);
  const { checkpoint = null, logId = null } = choice.found ?? {};
  search.log.expect({ id: logId, isNew: (checkpoint?.nextOffset ?? 0n) === 0n });
  return checkpoint;
}

async function ownCheckpoint({
  nodeControl,
  access,
}: CheckpointSearch): Promise<OwnCheckpoint | null> {
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
