/**
 * Where the control log's leader should be: what a change of primary waits for most is one record
 * after the other, and how long one takes depends on the way from the primary to the leader and
 * from there to the farthest broker that must have it.
 */
import type { RegionId } from '../../../../shared/core/region.ts';
import type { ControllerState } from '../controller-state.ts';
import { hasLease, isChosen } from '../situation.ts';

/** Regions by the brokers of the control topic. */
export interface LogPlacement {
  readonly leader: RegionId;
  readonly holders: readonly RegionId[];
  readonly inSync: readonly RegionId[];
}

export interface LeaderMove {
  readonly to: RegionId;
  /** In words, with the facts it rests on. */
  readonly why: string;
}

export const roundTripsKept = 20;
/** A view is not published again for a millisecond more or less. */
const roundedToMs = 5;
/** A move stalls the log for a moment: it is not made for little. */
const leastGainMs = 20;
const leastGainShare = 0.15;

/** Round trips from here to the other regions: the shortest of the last ones, rounded. */
export function roundTripsOf({ peers }: ControllerState): Readonly<Record<RegionId, number>> {
  return Object.fromEntries(
    peers.map(({ report, roundTripsMs }) => [report.id, rounded(Math.min(...roundTripsMs))]),
  );
}

/**
 * The region that should lead instead, as the primary sees it; null where that gains little, is not
 * known, or some broker is not in sync: nothing is moved in a cluster that has something to heal.
 */
export function betterLogLeader(
  state: ControllerState,
  { leader, holders, inSync }: LogPlacement,
): LeaderMove | null {
  const { kind, fold, role, config } = state;
  if (kind !== 'running' || role !== 'primary' || fold.prepare !== null) return null;
  if (!isChosen(state) || !hasLease(state)) return null;
  if (holders.some((region) => !inSync.includes(region))) return null;
  const costs = holders.flatMap((region) => {
    const ms = recordMs(state, region, holders);
    return ms === null ? [] : [{ region, ms }];
  });
  const now = costs.find(({ region }) => region === leader);
  const best = costs.toSorted((a, b) => a.ms - b.ms)[0];
  if (now === undefined || best === undefined) return null;
  const gainMs = now.ms - best.ms;
  if (gainMs < leastGainMs || gainMs < leastGainShare * now.ms) return null;
  const why = `a record of ${config.region} takes ${best.ms} ms there, ${now.ms} ms in ${leader}`;
  return { to: best.region, why };
}

/** To the leader and back, and from there to the farthest broker and back; null: not known. */
function recordMs(
  state: ControllerState,
  leader: RegionId,
  holders: readonly RegionId[],
): number | null {
  const ways = [state.config.region, ...holders].map((region) => distance(state, region, leader));
  const [own = null, ...others] = ways;
  const known = others.filter((ms) => ms !== null);
  return own === null || known.length < others.length ? null : own + Math.max(...known);
}

function distance(state: ControllerState, a: RegionId, b: RegionId): number | null {
  if (a === b) return 0;
  const told = [a, b].flatMap((from) => {
    const to = from === a ? b : a;
    const ms = roundTripsFrom(state, from)?.[to];
    return ms === undefined ? [] : [ms];
  });
  return told.length === 0 ? null : Math.min(...told);
}

function roundTripsFrom(
  state: ControllerState,
  region: RegionId,
): Readonly<Record<RegionId, number>> | undefined {
  if (region === state.config.region) return roundTripsOf(state);
  return state.peers.find(({ report }) => report.id === region)?.report.roundTripsMs;
}

function rounded(ms: number): number {
  return Math.round(ms / roundedToMs) * roundedToMs;
}
