/**
 * What a COMMIT has reached, for its reply: never more than is so. K may have been lowered while it
 * waited; then it was perhaps released although no member holds it, and is called logged.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataReply, DataRequest } from '../../../shared/ports/data-access.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface ReachedOptions {
  /** Number of configured regions, for "held by n of m". */
  readonly regionCount: number;
  readonly status: ReplicationStatus;
  readonly clock: Clock;
  /** Whether K may be lowered at all: `durability.whenUnconfirmed`. */
  readonly mayDegrade: boolean;
}

/** What the replicator's word may be late, when it runs in another process. */
const lateMs = 250;

/** `before` is the view that the work began under; `position` what the reply's token carries. */
export async function reachedDurability(
  options: ReachedOptions,
  asked: DataRequest['durability'],
  { position, before }: { readonly position: Position | null; readonly before: ClusterView },
): Promise<NonNullable<DataReply['durability']>> {
  const { status, regionCount, clock, mayDegrade } = options;
  const isGated = asked === 'semi-sync' || asked === 'sync';
  const holders = (): Holders =>
    position === null ? { held: 0, members: 0 } : status.holders(position);
  const mayBeLess = isGated && mayDegrade && position !== null && before.k > 0;
  const boundMs = clock.monotonicMs() + lateMs;
  const isReached = (): boolean => proven(asked, holders()) === asked;
  while (mayBeLess && !isReached() && clock.monotonicMs() < boundMs) await sleep(2);
  const now = holders();
  const unproven = isGated && before.k < 1 ? 'logged' : asked;
  const mode = mayBeLess ? proven(asked, now) : unproven;
  // The token's position may be a later commit's, which fewer hold.
  const released = isGated && !mayDegrade ? before.k : 0;
  return { mode, regions: `${Math.max(now.held, released) + 1}/${regionCount}` };
}

type Holders = ReturnType<ReplicationStatus['holders']>;

/** The most of what was asked that the regions which hold the write prove. */
function proven(
  asked: DataRequest['durability'],
  { held, members }: Holders,
): DataRequest['durability'] {
  if (held < 1) return 'logged';
  return asked === 'sync' && held < members ? 'semi-sync' : asked;
}
