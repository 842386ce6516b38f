/**
 * Deletes old records of the control log while this region is the open primary: asks every region
 * how far its stored checkpoint is, and lets core/control-trim decide.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { deleteRecords, offsetAtTime } from '../../../shared/kafka/admin.ts';
import type { TopicTarget } from '../../../shared/kafka/topic.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { superviseLoop } from '../../../shared/runtime/supervised-loop.ts';
import { decideControlTrim } from '../core/control-trim.ts';
import type { ControllerState } from '../core/controller-state.ts';
import { askStoredOffset, type PeerReportsOptions } from './watch/peer-reports.ts';

export interface ControlTrimmerOptions extends PeerReportsOptions {
  readonly target: TopicTarget;
  readonly region: RegionId;
  /** Records stay for so long in any case. */
  readonly keepMs: number;
  readonly state: () => ControllerState;
  /** Of the checkpoint that this process has stored last. */
  readonly storedOffset: () => LogOffset | null;
}

/** So many times within `keepMs`, and once an hour at least. */
const looksPerKeep = 8;
const everyMaxMs = 3_600_000;

/** Looks until `signal` aborts. */
export async function trimControlLog(
  options: ControlTrimmerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { keepMs, target } = options;
  const everyMs = Math.min(everyMaxMs, Math.ceil(keepMs / looksPerKeep));
  let trimmedTo: LogOffset | null = null;
  await superviseLoop({
    name: 'retention of the control log',
    run: async (inner, markHealthy) => {
      while (!inner.aborted) {
        await sleep(everyMs, inner);
        if (inner.aborted) return;
        if (isOpenPrimary(options.state())) trimmedTo = await look(options, trimmedTo);
        markHealthy();
      }
    },
    backoff: createBackoff({ firstMs: 1000, maxMs: 60_000 }),
    logger: target.logger,
    signal,
  });
}

async function look(
  options: ControlTrimmerOptions,
  trimmedTo: LogOffset | null,
): Promise<LogOffset | null> {
  const { target, clock, keepMs, state } = options;
  const regions = state().fold.policy?.regions ?? [];
  const oldBefore = await offsetAtTime(target, clock.wallMs() - keepMs);
  const stored = await storedOffsets(options, regions);
  const decision = decideControlTrim({ regions, stored, oldBefore: oldBefore as LogOffset | null });
  if (decision.kind === 'keep') {
    target.logger.debug({ why: decision.why }, 'control log not trimmed');
    return trimmedTo;
  }
  const { before } = decision;
  if ((trimmedTo !== null && before <= trimmedTo) || before === 0n) return trimmedTo;
  // A region that has lost the role does no harm: what it decides holds whoever is primary.
  await deleteRecords(target, before);
  target.logger.info({ logOffset: before.toString() }, 'control log trimmed');
  return before;
}

async function storedOffsets(
  options: ControlTrimmerOptions,
  regions: readonly RegionId[],
): Promise<ReadonlyMap<RegionId, LogOffset>> {
  const { region, peers, client, storedOffset } = options;
  const asked = regions.map(async (id): Promise<readonly [RegionId, LogOffset | null]> => {
    if (id === region) return [id, storedOffset()];
    const peer = peers.find((one) => one.region === id);
    const offset = peer === undefined ? null : await askStoredOffset(client, peer);
    return [id, offset];
  });
  const answers = await Promise.all(asked);
  return new Map(answers.flatMap(([id, offset]) => (offset === null ? [] : [[id, offset]])));
}

function isOpenPrimary({ kind, role, fold }: ControllerState): boolean {
  return kind === 'running' && role === 'primary' && fold.prepare === null;
}
