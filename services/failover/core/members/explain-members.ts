/** Says in words what a record changed of the members and of K, for the log and for counting. */
import type { ControlState } from '../../../../shared/core/control/control-state.ts';

export const memberChanges = ['member added', 'member removed', 'degraded', 'restored'] as const;

export interface MemberChange {
  readonly what: (typeof memberChanges)[number];
  /** The region, or null for a change of K. */
  readonly region: string | null;
  readonly k: number;
  readonly members: readonly string[];
}

/** What changed within an epoch; a new epoch begins without members, and that is no change. */
export function memberChangesBetween(
  before: ControlState,
  after: ControlState,
): readonly MemberChange[] {
  if (before.epoch !== after.epoch) return [];
  const members = after.members.map(({ region }) => region);
  const old = before.members.map(({ region }) => region);
  const changes: MemberChange[] = [];
  const note = (what: MemberChange['what'], region: string | null): void => {
    changes.push({ what, region, k: after.k, members });
  };
  for (const region of members) if (!old.includes(region)) note('member added', region);
  for (const region of old) if (!members.includes(region)) note('member removed', region);
  if (after.k < before.k) note('degraded', null);
  if (after.k > before.k) note('restored', null);
  return changes;
}
