/** What keeps the next region from being stopped: the others could not bear its loss. */
import type { StatusDocument } from '../status-document.ts';

/** As much as a switchover's target may lag by default. */
const lagMsMax = 2000;

/** In words; empty when nothing is in the way. */
export function blockersOf(
  status: StatusDocument,
  wanted: { readonly meridian: string; readonly maxRules: number },
): readonly string[] {
  const { primary, members, change, regions, controlLog } = status;
  const waiting = regions.filter(({ id }) => id !== primary && !members.includes(id));
  const late = regions.filter(({ id, lagMs }) => id !== primary && (lagMs ?? 0) > lagMsMax);
  const behind = regions.filter(({ drift }) => drift.length > 0);
  return [
    ...regions
      .filter(({ health }) => health !== 'healthy')
      .map(({ id, health, why }) => `${id} is ${health}${why === '' ? '' : `: ${why}`}`),
    ...(primary === null ? ['there is no primary'] : []),
    ...(change === null ? [] : [`a ${change.kind} is under way`]),
    ...waiting.map(({ id }) => `${id} is no member: it has not caught up`),
    ...late.map(({ id, lagMs }) => `${id} lags ${String(lagMs)} ms behind`),
    ...behind.map(({ id, drift }) => `${id} differs: ${drift.join(', ')}`),
    ...degraded(status),
    ...(controlLog === null ? [] : [controlLog]),
    ...copiesBehind(status),
    ...unknownRules(status, wanted),
  ];
}

function degraded({ k, policyK }: StatusDocument): readonly string[] {
  if (k >= policyK) return [];
  return [`semi-sync waits for ${String(k)} regions instead of ${String(policyK)}`];
}

/** One lost broker may then take the majority of the control log with it. */
function copiesBehind({ regions }: StatusDocument): readonly string[] {
  const live = regions.filter(({ health }) => health !== 'unreachable');
  const behind = new Set(live.flatMap(({ broker }) => broker?.outOfSync ?? []));
  return [...behind].map((id) => `${id}'s copy of the control log is not in sync`);
}

function unknownRules(
  { rules, regions }: StatusDocument,
  { meridian, maxRules }: { readonly meridian: string; readonly maxRules: number },
): readonly string[] {
  if (rules === null) return [];
  const { inForce, known } = rules;
  const lacking = regions.filter(({ id }) => (known[id] ?? 0) < inForce);
  return [
    ...lacking.map(({ id }) => `${id} has not said that it knows rules ${String(inForce)}`),
    ...(inForce > maxRules
      ? [`rules ${String(inForce)} are in force, and ${meridian} knows no more than ${maxRules}`]
      : []),
  ];
}
