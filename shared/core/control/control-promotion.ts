/**
 * Whether the seals of an open prepare suffice, and what the promotion then is (DESIGN.md
 * section 5, "Promotion is no record"). It reads folded state alone, so every region computes the
 * same at the same offset.
 */
import { isWithinCuts } from '../consistency.ts';
import type { Policy, SealRecord } from './control-record.ts';
import type { ControlState, Member, OpenPrepare, Promotion } from './control-state.ts';
import {
  comparePositions,
  formatPosition,
  isAtOrPast,
  laterPosition,
  zeroPosition,
  type Position,
} from '../position.ts';
import { sealQuorum } from '../quorum.ts';
import type { RegionId } from '../region.ts';

export type PromotionVerdict =
  | { readonly kind: 'promoted'; readonly promotion: Promotion }
  /** `why` names what is still missing, for people. */
  | { readonly kind: 'waiting'; readonly why: string };

/** Judges the open prepare of `state`; `policy` is the one in force. */
export function judgePrepare(
  state: ControlState,
  prepare: OpenPrepare,
  policy: Policy,
): PromotionVerdict {
  const tally = countSeals(state, prepare);
  const missing = missingOf(prepare, tally);
  if (missing !== null) return { kind: 'waiting', why: missing };
  const highest = tally.counted.reduce(
    (cut, seal) => laterPosition(cut, seal.position),
    zeroPosition,
  );
  const atCut = tally.counted.filter((seal) => comparePositions(seal.position, highest) === 0);
  const source = firstInPriority(atCut, policy.priority);
  const to = tally.counted.find((seal) => seal.region === prepare.preferred) ?? source;
  if (source === null || to === null) return { kind: 'waiting', why: 'no seal counts yet' };
  const promotion: Promotion = {
    epoch: prepare.epoch,
    cut: highest,
    to: to.region,
    store: to.store,
    from: prepare.oldPrimary,
    source: source.region,
    safe: safeOf(prepare, tally, highest),
    change: prepare.change,
    attempt: prepare.attempt,
    isForced: prepare.force !== null,
    isQuick: tally.finalSeal !== null,
    operation: prepare.operation,
    why: whyOf(prepare, tally, `to ${to.region} at ${formatPosition(highest)}`),
  };
  return { kind: 'promoted', promotion };
}

/** Whether `seal` is one of a member: same region, same store. */
export function isMemberSeal(members: readonly Member[], seal: SealRecord): boolean {
  return members.some((member) => member.region === seal.region && member.store === seal.store);
}

interface Tally {
  readonly kLow: number;
  readonly memberCount: number;
  /** |M| >= Kf: something may have been confirmed by members in this epoch. */
  readonly hasEnoughMembers: boolean;
  readonly counted: readonly SealRecord[];
  readonly memberSeals: readonly SealRecord[];
  readonly isMemberQuorum: boolean;
  /** The old primary's final seal, when it is counted. */
  readonly finalSeal: SealRecord | null;
  /** `safe` of the epoch that ends. */
  readonly safeBefore: Position;
}

function countSeals(state: ControlState, prepare: OpenPrepare): Tally {
  const { members, preferred, oldPrimary, force, change } = prepare;
  const hasEnoughMembers = members.length >= state.kLow;
  const counts = (seal: SealRecord): boolean =>
    isMemberSeal(members, seal) ||
    !hasEnoughMembers ||
    seal.region === preferred ||
    (seal.region === oldPrimary && (seal.final || change === 'switchover'));
  const undiverged = prepare.seals
    .filter(counts)
    .filter((seal) => isWithinCuts(seal.position, state.epoch, state.history));
  const memberSeals = undiverged.filter((seal) => isMemberSeal(members, seal));
  const quorum = sealQuorum(members.length, state.kLow);
  return {
    kLow: state.kLow,
    memberCount: members.length,
    hasEnoughMembers,
    // Forced: the preferred region's seal alone decides and is the cut.
    counted: force === null ? undiverged : undiverged.filter((seal) => seal.region === preferred),
    memberSeals,
    isMemberQuorum: hasEnoughMembers && memberSeals.length >= quorum,
    finalSeal: undiverged.find((seal) => seal.region === oldPrimary && seal.final) ?? null,
    safeBefore: state.history.at(-1)?.safe ?? zeroPosition,
  };
}

/** What is missing, in words; null when the promotion happens now. */
function missingOf(prepare: OpenPrepare, tally: Tally): string | null {
  const { preferred, change, oldPrimary, force } = prepare;
  const hasPreferred =
    preferred === null || tally.counted.some((seal) => seal.region === preferred);
  if (!hasPreferred) return `the seal of the preferred region ${preferred} is missing`;
  if (force !== null) return null;
  if (change === 'switchover') {
    return tally.finalSeal === null ? `the final seal of ${oldPrimary} is missing` : null;
  }
  if (tally.hasEnoughMembers) {
    if (tally.isMemberQuorum || tally.finalSeal !== null) return null;
    const needed = sealQuorum(tally.memberCount, tally.kLow) - tally.memberSeals.length;
    const silent = prepare.members.filter((member) => !isSealed(tally.memberSeals, member.region));
    const names = silent.map((member) => member.region).join(', ');
    const others = `or ${oldPrimary}'s final one`;
    return `${needed} more seal(s) of members are needed, of ${names}; ${others}`;
  }
  const hasSafe = tally.counted.some((seal) => isAtOrPast(seal.position, tally.safeBefore));
  if (hasSafe) return null;
  return `a seal at or past ${formatPosition(tally.safeBefore)} is needed, of any region`;
}

function safeOf(prepare: OpenPrepare, tally: Tally, cut: Position): Position {
  if (prepare.force !== null) return cut;
  if (tally.isMemberQuorum) {
    return tally.memberSeals.reduce(
      (safe, seal) => laterPosition(safe, seal.position),
      zeroPosition,
    );
  }
  if (tally.finalSeal !== null) {
    const { confirmed } = tally.finalSeal;
    return confirmed === null ? cut : laterPosition(confirmed, tally.safeBefore);
  }
  return tally.safeBefore;
}

function whyOf(prepare: OpenPrepare, tally: Tally, outcome: string): string {
  const ground =
    prepare.force !== null
      ? 'forced by a person who accepted the loss beyond the cut'
      : tally.finalSeal !== null
        ? `${tally.finalSeal.region} gave its final seal`
        : tally.isMemberQuorum
          ? `${tally.memberSeals.length} of ${tally.memberCount} members sealed (Kf ${tally.kLow})`
          : `fewer than ${tally.kLow} members: nothing was confirmed in the epoch, and a ` +
            `region at or past ${formatPosition(tally.safeBefore)} sealed`;
  const reason = prepare.operation === null ? '' : `; asked for: ${prepare.operation.reason}`;
  return `${prepare.change} ${outcome}: ${ground}${reason}`;
}

function isSealed(seals: readonly SealRecord[], region: RegionId): boolean {
  return seals.some((seal) => seal.region === region);
}

function firstInPriority(
  seals: readonly SealRecord[],
  priority: readonly RegionId[],
): SealRecord | null {
  const rank = (seal: SealRecord): number => priority.indexOf(seal.region);
  return seals.toSorted((a, b) => rank(a) - rank(b))[0] ?? null;
}
