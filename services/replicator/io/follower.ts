/**
 * A region that follows: first applies what its own log holds, then takes records from the source,
 * logs them before it commits them, applies them and acknowledges.
 */
import { checkChain, clampToCuts, placeAt, type Cuts } from '../core/chain-check.ts';
import { heldBytesOf, withoutMessages } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { formatPosition, isAtOrPast, type Position } from '../../../shared/core/position.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { RegionLink } from '../../../shared/ports/region-link.ts';
import { failpoint } from '../../../shared/runtime/failpoints.ts';
import { lateBeginning } from '../core/log-beginning.ts';
import type { LogFacts } from '../core/log-summary.ts';
import { Applier, type ApplierOptions } from './applier.ts';
import { ApplyQueue } from './apply/apply-queue.ts';
import { ownLogBeginsLater } from './log-refusal.ts';
import type { OwnLog } from './own-log.ts';
import type { RecordFeed } from './record-feed.ts';

export interface FollowerOptions {
  readonly applier: ApplierOptions;
  readonly ownLog: OwnLog;
  readonly epoch: Epoch;
  readonly cuts: () => Cuts;
  readonly queueBytesMax: number;
  readonly takeBytesMax: number;
  readonly logQueueBytesMax: number;
  readonly facts: () => LogFacts;
}

/**
 * Applies the own log to its end: what the log holds and this node, at `position`, lacks. Then it
 * is done.
 */
export async function applyOwnLog(
  options: FollowerOptions,
  position: Position,
  signal: AbortSignal,
): Promise<Position> {
  if (isAtOrPast(position, logEndOf(options))) return position;
  return withApplier(options, signal, async (queue) => {
    await replayLog(options, { queue, signal, from: queue.from });
  });
}

/**
 * Follows `link` until `signal` aborts, or until `target` is in the own log when one is given; then
 * everything received is applied. Rejects when the chain breaks or a change does not fit.
 */
export async function follow(
  options: FollowerOptions,
  from: {
    readonly link: RegionLink;
    readonly feed: RecordFeed;
    readonly target: Position | null;
  },
  signal: AbortSignal,
): Promise<Position> {
  return withApplier(options, signal, async (queue) => {
    await replayLog(options, { queue, signal, from: queue.from });
    const end = logEndOf(options);
    if (from.target !== null && isAtOrPast(end, from.target)) return;
    await receive(options, { ...from, queue, signal, end });
  });
}

interface StartedQueue extends ApplyQueue {
  /** Applied position when the work began. */
  from: Position;
}

async function withApplier(
  options: FollowerOptions,
  signal: AbortSignal,
  fill: (queue: StartedQueue) => Promise<void>,
): Promise<Position> {
  const applier = await Applier.connect(options.applier);
  const queue = Object.assign(new ApplyQueue(options.queueBytesMax), {
    from: applier.progress.position,
  });
  const abort = (): void => queue.fail(new Error('ended'));
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  let applied = applier.progress.position;
  const applying = (async () => {
    for (;;) {
      const items = await queue.take(options.takeBytesMax);
      if (items === null) return;
      applied = await applier.apply(items, !queue.isEmpty);
    }
  })();
  applying.catch((error: unknown) => queue.fail(error));
  try {
    const filled = fill(queue).then(
      () => queue.end(),
      (error: unknown) => {
        queue.fail(error);
        throw error;
      },
    );
    await Promise.race([Promise.all([filled, applying]), rejectedOf(applying)]);
    return applied;
  } finally {
    signal.removeEventListener('abort', abort);
    queue.fail(new Error('ended'));
    await applier.close();
  }
}

/** Rejects as `work` does, never resolves. */
function rejectedOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject);
  });
}

interface Replay {
  readonly queue: ApplyQueue;
  readonly signal: AbortSignal;
  readonly from: Position;
}

async function replayLog(options: FollowerOptions, replay: Replay): Promise<void> {
  const { queue, signal, from } = replay;
  if (isAtOrPast(from, logEndOf(options))) return;
  const { log } = options.ownLog;
  const offset = await options.ownLog.offsetAfter(from, signal);
  const logged = Promise.resolve();
  const first = placeAt(from);
  let isMoved = false;
  for await (const { record } of log.read(offset, { follow: false, signal })) {
    if (!isMoved) {
      const cuts = options.cuts();
      const verdict = checkChain(first, record, cuts);
      const begins = lateBeginning(from, record, { verdict, cuts });
      if (begins !== null) throw ownLogBeginsLater(from, begins);
      isMoved = 'place' in verdict;
    }
    await queue.put({ record, byteLength: heldBytesOf(record), logged });
  }
}

function logEndOf({ facts, cuts }: FollowerOptions): Position {
  return clampToCuts(facts().last, cuts().history);
}

interface Receive {
  readonly queue: ApplyQueue;
  readonly signal: AbortSignal;
  readonly link: RegionLink;
  readonly feed: RecordFeed;
  readonly target: Position | null;
  readonly end: Position;
}

async function receive(options: FollowerOptions, of: Receive): Promise<void> {
  const { link, feed, target, queue, signal } = of;
  let place = placeAt(of.end);
  const stream = link.records(of.end, { epoch: options.epoch, signal });
  for await (const { record, bytes } of stream) {
    const verdict = checkChain(place, record, options.cuts());
    if (verdict.kind === 'skip') continue;
    if (verdict.kind === 'gap') {
      throw new MeridianError('ProtocolViolation', `records do not follow: ${verdict.why}`);
    }
    const { writer } = options.ownLog;
    // What waits for the own log keeps no changes in memory but in their packed form.
    const head = withoutMessages(record);
    const { byteLength } = bytes;
    const logged = writer.append(bytes).then((offset) => {
      options.ownLog.note({ record: head, offset, byteLength });
      feed.publish(head, bytes);
    });
    logged.catch((error: unknown) => queue.fail(error));
    if (verdict.kind !== 'idle') place = verdict.place;
    await failpoint('follower.received');
    await queue.put({ record, byteLength: heldBytesOf(record), logged });
    if (writer.queuedBytes > options.logQueueBytesMax) {
      await writer.whenBelow(options.logQueueBytesMax / 2);
    }
    if (target !== null && isAtOrPast(place.position, target)) {
      await logged;
      return;
    }
  }
  if (target !== null) {
    throw new Error(`the source ended before ${formatPosition(target)}`);
  }
}
