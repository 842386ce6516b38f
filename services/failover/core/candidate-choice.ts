/** Which region a planned change of primary should prefer, and who acts first on a lost one. */
import { comparePositions, zeroPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';
import { isPeerLive } from './situation.ts';

/** Each region waits so much longer than the one before it, so that one prepare is enough. */
const stepMs = 150;

/** The fittest live member: the furthest ahead, then the first in priority; null for none. */
export function switchoverTarget(state: ControllerState): RegionId | null {
  const { fold, peers, config } = state;
  const priority = fold.policy?.priority ?? [];
  const position = (region: RegionId): typeof zeroPosition => {
    if (region === config.region) return state.replication?.applied ?? zeroPosition;
    const peer = peers.find((one) => one.report.id === region);
    return peer?.report.position ?? zeroPosition;
  };
  const fit = priority.filter((region) => {
    const isMember = fold.members.some((member) => member.region === region);
    const isLive = region === config.region || isPeerLive(state, region);
    return isMember && isLive && region !== fold.primary;
  });
  return (
    fit.toSorted(
      (a, b) =>
        comparePositions(position(b), position(a)) || priority.indexOf(a) - priority.indexOf(b),
    )[0] ?? null
  );
}

/** How long this region lets others act first when the primary is lost. */
export function patienceMs(state: ControllerState): number {
  const { fold, config } = state;
  const others = (fold.policy?.priority ?? []).filter((region) => region !== fold.primary);
  return Math.max(0, others.indexOf(config.region)) * stepMs;
}
