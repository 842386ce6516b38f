/**
 * Lists what an old node alone held: it runs isolated, its standby has taken its place. What the
 * region's log has of its epoch beyond the cut comes first, then what its own slot yields. Done
 * again it writes the same rows under the same numbers; the slot is not moved.
 */
import { zeroLsn } from '../../../../shared/core/lsn.ts';
import { isAtOrPast } from '../../../../shared/core/position.ts';
import {
  connectPg,
  ownSessionOptions,
  textSettings,
  type PgClient,
} from '../../../../shared/pg/client.ts';
import type { EffectBody } from '../../core/controller-effect.ts';
import type { EffectResult } from '../../core/controller-input.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import { endAtOnce, type NodeAccess, type NodePlace } from '../node-connection.ts';
import { addUnlistable } from './diverged-store.ts';
import { inAll, type ReportOptions } from './divergence-report.ts';
import { ListedTail, type OnTarget } from './listed-tail.ts';
import { readSlotTail, slotObstacle } from './slot-tail.ts';
import { coveredOf, readTail } from './tail-log.ts';

export type ListNodeTail = Extract<EffectBody, { kind: 'listNodeTail' }>;

/** Decoding the whole WAL that a slot holds back may take long; a server that hangs must not. */
const peekBoundMs = 300_000;
const connectBoundMs = 5000;

/** Runs `work` on a node that admits no application, beside the login guard, within `boundMs`. */
export async function onOldNode<T>(
  at: NodePlace & NodeAccess,
  boundMs: number,
  work: (client: PgClient) => Promise<T>,
): Promise<T> {
  const client = await connectPg({
    ...at,
    user: 'meridian_owner',
    applicationName: 'meridian-diverged',
    options: `${ownSessionOptions} ${textSettings} -c event_triggers=off`,
    connectTimeoutMs: connectBoundMs,
    statementTimeoutMs: peekBoundMs,
  });
  try {
    return await withDeadline(work(client), boundMs, () => {
      return new Error(`${at.host}:${at.port} did not answer within ${boundMs} ms`);
    });
  } finally {
    endAtOnce(client);
  }
}

export interface NodeTailOptions extends ReportOptions {
  /** Runs work on the old node, bounded. */
  readonly onNode: OnTarget;
}

/** Result `nodeTailListed`; rejects when the node, the log or the target does not answer. */
export async function listNodeTail(
  options: NodeTailOptions,
  effect: ListNodeTail,
): Promise<EffectResult> {
  const { region, onTarget } = options;
  const { node, epoch, after, mayBeConfirmed } = effect;
  const id = { region, node, epoch };
  const tail = new ListedTail(onTarget, id, after);
  const obstacle = after === null ? effect.why : await listBoth(options, effect, tail);
  const { transactions, rows } = tail;
  if (obstacle !== null) {
    const confirmed = confirmedOf(effect);
    const why = { ordinal: rows + 1, confirmed, why: `its tail is not listable: ${obstacle}` };
    await onTarget((client) => addUnlistable(client, id, why));
  }
  const own = { transactions, rows, isListed: obstacle === null };
  const counts = await inAll(options, id, own);
  return { kind: 'nodeTailListed', node, epoch, mayBeConfirmed, ...counts };
}

/** Lists what log and slot have; answers why that is not all, null when it is. */
async function listBoth(
  { log, signal, onNode }: NodeTailOptions,
  effect: ListNodeTail,
  tail: ListedTail,
): Promise<string | null> {
  const { own, after, hasLog, listsLog } = effect;
  if (own === null || after === null) return effect.why;
  const nothing = { upTo: zeroLsn, last: zeroLsn, isWhole: true };
  const covered = hasLog ? await coveredOf(log, { epoch: own, after }, signal) : nothing;
  const confirmed = confirmedOf(effect);
  const end = { epoch: own, endLsn: covered.last };
  if (listsLog && !isAtOrPast(after, end)) {
    for await (const part of readTail(log, after, signal)) {
      if (!isAtOrPast(end, part.position)) break;
      await tail.add(part, confirmed);
    }
  }
  const cut = after.epoch === own ? after.endLsn : zeroLsn;
  const known = covered.upTo > cut ? covered.upTo : cut;
  const from = covered.last > cut ? covered.last : cut;
  const obstacle = await onNode(async (client) => {
    const found = await slotObstacle(client, own, known);
    if (found !== null) return found;
    for await (const part of readSlotTail(client, own, from)) await tail.add(part, confirmed);
    return null;
  });
  await tail.flush();
  return obstacle ?? (covered.isWhole ? null : "the region's log begins after the cut");
}

/** Whoever was told of a commit beyond the cut had asked for async or logged, or it was forced. */
function confirmedOf({ mayBeConfirmed }: ListNodeTail): 'unknown' | 'async-only' {
  return mayBeConfirmed ? 'unknown' : 'async-only';
}
