/** In which order the regions of a cluster are exchanged, and what has to be in order before. */
import type { StatusDocument } from '../status-document.ts';

export interface UpgradeStep {
  readonly region: string;
  /** What runs there; null: it does not say, or does not answer. */
  readonly from: string | null;
  /** What is done before this region is stopped. */
  readonly before: string | null;
}

export interface UpgradePlan {
  readonly to: string;
  /** Regions that run it already. */
  readonly done: readonly string[];
  readonly steps: readonly UpgradeStep[];
  /** Nothing is stopped as long as there are any. */
  readonly blockers: readonly string[];
}

/** The primary's region is the last: until then no write waits for a change of primary. */
export function planUpgrade(
  status: StatusDocument,
  versions: ReadonlyMap<string, string>,
  to: string,
): UpgradePlan {
  const ids = status.regions.map(({ id }) => id);
  const isDone = (id: string): boolean => versions.get(id) === to;
  const others = ids.filter((id) => id !== status.primary);
  const ordered = [...others, ...ids.filter((id) => id === status.primary)];
  const steps = ordered
    .filter((id) => !isDone(id))
    .map((id) => ({
      region: id,
      from: versions.get(id) ?? null,
      before: id === status.primary ? switchover(others, status) : null,
    }));
  return { to, done: ids.filter(isDone), steps, blockers: blockersOf(status, steps.length > 0) };
}

function switchover(others: readonly string[], { members }: StatusDocument): string {
  const target = others.find((id) => members.includes(id)) ?? others[0] ?? '<region>';
  return `npx meridian switchover ${target}`;
}

function blockersOf(status: StatusDocument, isNeeded: boolean): readonly string[] {
  if (!isNeeded) return [];
  const { primary, members, change, regions } = status;
  const blockers = regions
    .filter(({ health }) => health !== 'healthy')
    .map(({ id, health, why }) => `${id} is ${health}${why === '' ? '' : `: ${why}`}`);
  if (primary === null) blockers.push('there is no primary');
  if (change !== null) blockers.push(`a ${change.kind} is under way`);
  const waiting = regions.filter(({ id }) => id !== primary && !members.includes(id));
  blockers.push(...waiting.map(({ id }) => `${id} is no member: it has not caught up`));
  const behind = regions.filter(({ drift }) => drift.length > 0);
  blockers.push(...behind.map(({ id, drift }) => `${id} differs: ${drift.join(', ')}`));
  return blockers;
}

/** One line a step. */
export function renderUpgradePlan({ to, done, steps, blockers }: UpgradePlan): string {
  if (steps.length === 0) return `Every region runs ${to}.`;
  const lines = steps.map(({ region, from, before }, index) => {
    const first = before === null ? '' : `${before}, wait until all others are members; then `;
    return `${String(index + 1)}. ${first}exchange ${region} (${from ?? 'version not known'})`;
  });
  return [
    `To ${to}, one region after the other, each when the one before is a member again:`,
    ...lines,
    ...(done.length === 0 ? [] : [`There already: ${done.join(', ')}.`]),
    ...(blockers.length === 0 ? ['Nothing is in the way.'] : ['Not now:']),
    ...blockers.map((blocker) => `  ${blocker}`),
  ].join('\n');
}
