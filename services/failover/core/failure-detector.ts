/**
 * When this region asks for another primary by itself, and when it changes an attempt that does
 * not complete. Safety never depends on it: the fold decides, an answer too many is void.
 */
import type { PrepareRecord } from '../../../shared/core/control/control-record.ts';
import { nextEpoch } from '../../../shared/core/epoch.ts';
import { expiredFromMs } from '../../../shared/core/lease.ts';
import { patienceMs } from './candidate-choice.ts';
import type { ControllerState } from './controller-state.ts';
import { whyPrimaryIsGone } from './detection/primary-silence.ts';
import { unfitness } from './operator/target-fitness.ts';
import { judgeTail } from './rejoin/rejoin-plan.ts';
import {
  isChosen,
  isOpener,
  isPeerLive,
  leaseTimes,
  openingObstacle,
  ownDatabase,
  regionNodeState,
} from './situation.ts';

/** Failovers of the last so many milliseconds count for the back-off. */
const flapWindowMs = 300_000;
/** A preferred region that has not sealed for so long is dropped. */
const preferenceMs = 5000;

export interface Proposal {
  readonly record: PrepareRecord;
  /** In words, with the facts it rests on. */
  readonly why: string;
}

/** The prepare to append now, or null. */
export function detectFailure(state: ControllerState): Proposal | null {
  const { fold, kind } = state;
  if (kind !== 'running' || fold.policy === null) return null;
  if (fold.prepare !== null) return detectStall(state);
  if (fold.epoch === 0) return openFirst(state);
  if (isChosen(state)) return detectOwnObstacle(state);
  return detectExpiry(state) ?? detectLoss(state) ?? takeBack(state);
}

/** Until when no automatic failover happens, because one or several happened lately. */
export function backedOffUntilMs(state: ControllerState): number {
  const { read, nowMs, config } = state;
  const lately = read.failovers.filter((atMs) => nowMs - atMs < flapWindowMs);
  const last = lately.at(-1);
  if (last === undefined) return -Infinity;
  return last + config.failoverBackoffMs * 2 ** Math.min(Math.max(0, lately.length - 2), 3);
}

function propose(
  state: ControllerState,
  choice: Pick<PrepareRecord, 'change' | 'preferred'>,
  why: string,
): Proposal {
  const { fold, config, wallMs } = state;
  const attempt = (fold.prepare?.attempt ?? 0) + 1;
  const epoch = nextEpoch(fold.epoch);
  const operation = fold.prepare?.operation ?? {
    id: `auto-${epoch}-${config.region}-${config.incarnation.slice(0, 8)}`,
    by: `controller of ${config.region}`,
    reason: why,
    atMs: Math.max(0, Math.round(wallMs)),
  };
  return {
    record: { kind: 'prepare', epoch, attempt, ...choice, force: null, operation },
    why,
  };
}

/**
 * Epoch 1: by the first region in priority, once its own node is there and empty, or about to take
 * the place of the database that it copies. Until then the prepare harms nobody: no other region
 * can seal for the first epoch, and a node that is made otherwise opens by it as well.
 */
function openFirst(state: ControllerState): Proposal | null {
  const { fold, config } = state;
  const isFirst = fold.policy?.priority[0] === config.region;
  const isTaken = ownDatabase(state)?.fence.incarnation === config.incarnation;
  const phase = regionNodeState(state)?.adoption?.phase ?? 'copying';
  if (!isFirst || (!isTaken && phase === 'copying')) return null;
  const choice = { change: 'failover', preferred: config.region } as const;
  return propose(state, choice, 'no epoch has begun');
}

/** A region that was paused itself reads on first: renewals may wait to be read. */
function detectExpiry(state: ControllerState): Proposal | null {
  const { read, nowMs, fold, listeningSinceMs } = state;
  const heardAtMs = Math.max(read.leaseReadAtMs, listeningSinceMs);
  if (nowMs < expiredFromMs(heardAtMs, leaseTimes(state)) + patienceMs(state)) return null;
  if (nowMs < read.pausedUntilMs || nowMs < backedOffUntilMs(state)) return null;
  const silentMs = Math.round(nowMs - read.leaseReadAtMs);
  const why = `the lease of ${fold.primary} is over: no renewal was read for ${silentMs} ms`;
  return propose(state, { change: 'failover', preferred: null }, why);
}

/** Before the lease is over: the new primary still waits for its end before it opens. */
function detectLoss(state: ControllerState): Proposal | null {
  const { read, nowMs } = state;
  if (nowMs < read.pausedUntilMs || nowMs < backedOffUntilMs(state)) return null;
  const why = whyPrimaryIsGone(state);
  return why === null ? null : propose(state, { change: 'failover', preferred: null }, why);
}

/**
 * The preferred region takes the role back by a switchover, which loses nothing: once it has been
 * quiet for long enough, and it could be asked for by a person now.
 */
function takeBack(state: ControllerState): Proposal | null {
  const { config, read, nowMs, fold, role } = state;
  const { region, preferredPrimary, preferredQuietMs } = config;
  if (preferredPrimary !== region || role !== 'replica') return null;
  const isQuiet = nowMs - read.promotedAtMs >= preferredQuietMs;
  if (!isQuiet || nowMs < read.pausedUntilMs) return null;
  // Not knowing how far behind it is, it waits; a person may try.
  const freshAtMs = state.replication?.freshAtMs ?? null;
  const isFit = freshAtMs !== null && unfitness(state, region) === null;
  const { primary } = fold;
  if (!isFit || primary === null || !isPeerLive(state, primary)) return null;
  const why = `${region} is the preferred primary, and nothing changed for ${preferredQuietMs} ms`;
  return propose(state, { change: 'switchover', preferred: region }, why);
}

/** The chosen region that cannot open says so: the next epoch, preferring itself. */
function detectOwnObstacle(state: ControllerState): Proposal | null {
  const why = state.isDatabaseFresh ? openingObstacle(state) : null;
  if (why === null || state.nowMs < backedOffUntilMs(state)) return null;
  const { region } = state.config;
  const tail = judgeTail(state);
  if (tail.kind === 'unknown') return null;
  // It prefers itself only where its own history is whole and goes on.
  const isWhole = tail.kind === 'empty' && !isOpener(state);
  const choice = { change: 'failover', preferred: isWhole ? region : null } as const;
  return propose(state, choice, `${region} may not open: ${why}`);
}

function detectStall(state: ControllerState): Proposal | null {
  const { fold, read, nowMs, config } = state;
  const { prepare } = fold;
  if (prepare === null || prepare.force !== null || fold.epoch === 0) return null;
  const waitedMs = nowMs - read.attemptReadAtMs - patienceMs(state);
  if (prepare.change === 'switchover') {
    if (waitedMs < config.switchoverMs) return null;
    if (prepare.preferred !== prepare.oldPrimary && prepare.oldPrimary !== null) {
      const choice = { change: 'switchover', preferred: prepare.oldPrimary } as const;
      return propose(state, choice, 'the switchover did not complete in its bound');
    }
    if (nowMs < read.pausedUntilMs) return null;
    const choice = { change: 'failover', preferred: null } as const;
    return propose(state, choice, 'the old primary did not take its role back in its bound');
  }
  if (prepare.preferred === null || waitedMs < preferenceMs) return null;
  const hasSealed = prepare.seals.some((seal) => seal.region === prepare.preferred);
  if (hasSealed && waitedMs < 2 * preferenceMs) return null;
  const why = `${prepare.preferred} was preferred and did not answer`;
  return propose(state, { change: 'failover', preferred: null }, why);
}
