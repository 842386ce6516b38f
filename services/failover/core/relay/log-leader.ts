/**
 * Who should hold the control log, and lead it: what a change of primary waits for most is one
 * record after the other, and how long one takes depends on the way from the primary to the leader
 * and from there to the farthest broker that must have it. A broker that is lost is left out: Kafka
 * itself waits for its session, and begins anew to wait when the lost one was the active
 * controller too, which outlasts a lease (decision 0020).
 */
import type { RegionId } from '../../../../shared/core/region.ts';
import type { ControllerState } from '../controller-state.ts';
import { hasLease, isChosen } from '../situation.ts';

/** Regions by the brokers of the control topic. */
export interface LogPlacement {
  readonly leader: RegionId;
  readonly holders: readonly RegionId[];
  readonly inSync: readonly RegionId[];
  readonly leaderEpoch: number;
}

export interface LeaderMove {
  readonly to: RegionId;
  /** In words, with the facts it rests on. */
  readonly why: string;
}

export const roundTripsKept = 20;
/** A view is not published again for a millisecond more or less. */
const roundedToMs = 5;
/** With fewer copies a record would be confirmed that one broker alone has. */
const leastCopies = 2;
/** A renewal is sent twice a second, and takes two round trips. */
const stalledAfterMs = 1000;
/** Regions report to each other several times as often. */
const primarySilentMs = 2000;
/** A move stalls the log for a moment: it is not made for little. */
const leastGainMs = 20;
const leastGainShare = 0.15;

/** A placement, and since when it has been like this without a stall. */
export interface SteadyPlacement {
  readonly placement: LogPlacement;
  readonly sinceMs: number;
}

/** A line that comes and goes would have the leader moved each time, and lost each time. */
const steadyForMs = 30_000;

/** `now` as it is seen at `nowMs`, after it was last seen as `before`. */
export function steadyPlacement(
  before: SteadyPlacement | null,
  now: LogPlacement,
  nowMs: number,
): SteadyPlacement {
  const isSame = before !== null && isSamePlacement(before.placement, now);
  return { placement: now, sinceMs: isSame ? before.sinceMs : nowMs };
}

/** One leader has led all the while, and the same brokers held the log. */
function isSamePlacement(a: LogPlacement, b: LogPlacement): boolean {
  if (a.leaderEpoch !== b.leaderEpoch) return false;
  return isSameSet(a.holders, b.holders) && isSameSet(a.inSync, b.inSync);
}

function isSameSet(a: readonly RegionId[], b: readonly RegionId[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

/** Round trips from here to the other regions: the shortest of the last ones, rounded. */
export function roundTripsOf({ peers }: ControllerState): Readonly<Record<RegionId, number>> {
  return Object.fromEntries(
    peers.map(({ report, roundTripsMs }) => [report.id, rounded(Math.min(...roundTripsMs))]),
  );
}

/**
 * The region that should lead instead, as the primary sees it; null where that gains little, is not
 * known, or some broker is not in sync or was not for a while: nothing is moved in a cluster that
 * has something to heal.
 */
export function betterLogLeader(
  state: ControllerState,
  { placement: { leader, holders, inSync }, sinceMs }: SteadyPlacement,
): LeaderMove | null {
  const { config, nowMs } = state;
  if (!isSteadyPrimary(state) || isLogStalled(state)) return null;
  if (nowMs - sinceMs < steadyForMs) return null;
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

/** Whether no renewal has been read for longer than usual, neither directly nor through others. */
export function isLogStalled({ kind, nowMs, read }: ControllerState): boolean {
  return kind === 'running' && nowMs - read.renewalReadAtMs > stalledAfterMs;
}

/**
 * The holders that answer here, where the log is stalled and waits for one that does not: its
 * leader, or a copy in sync, which every record waits for. Null where no such holder is missing, or
 * too few in sync are left. A broker that lives after all loses only its copy. Each change of who
 * holds the log makes the followers begin anew, so one region asks for it.
 */
export function holdersInReach(
  state: ControllerState,
  { leader, holders, inSync }: LogPlacement,
  reached: readonly RegionId[],
): readonly RegionId[] | null {
  if (!isLogStalled(state) || !isUpToThisRegion(state, reached)) return null;
  const isAwaited = (region: RegionId): boolean => region === leader || inSync.includes(region);
  if (holders.every((region) => reached.includes(region) || !isAwaited(region))) return null;
  const rest = holders.filter((region) => reached.includes(region));
  return rest.filter((region) => inSync.includes(region)).length < leastCopies ? null : rest;
}

/**
 * Whom to ask for a change of holders: the own broker alone, while it answers. Another one might
 * reach an active controller beyond a cut line: that one leaves out this region's own broker, and
 * without the other one too the log would have one copy left.
 */
export function askedForHolders(
  { config }: ControllerState,
  reached: readonly RegionId[],
): readonly RegionId[] {
  return reached.includes(config.region) ? [config.region] : reached;
}

/** The primary's region; where nobody hears that, the first whose broker answers. */
function isUpToThisRegion(state: ControllerState, reached: readonly RegionId[]): boolean {
  const { fold, config, peers, nowMs } = state;
  const { primary } = fold;
  if (primary === config.region) return true;
  const heardAtMs = peers.find(({ report }) => report.id === primary)?.heardAtMs ?? -Infinity;
  if (nowMs - heardAtMs <= primarySilentMs) return false;
  const others = config.policy.regions.filter((region) => region !== primary);
  return others.find((region) => reached.includes(region)) === config.region;
}

/**
 * Whose copy is missing: a voter that was left out while it was lost, `copies` being how many there
 * should be. Null while another copy is behind: one thing is healed after the other.
 */
export function missingHolder(
  state: ControllerState,
  { holders, inSync }: LogPlacement,
  { voters, copies }: { readonly voters: readonly RegionId[]; readonly copies: number },
): RegionId | null {
  if (!isSteadyPrimary(state) || isLogStalled(state)) return null;
  if (holders.length >= copies) return null;
  if (holders.some((region) => !inSync.includes(region))) return null;
  return voters.find((region) => !holders.includes(region)) ?? null;
}

function isSteadyPrimary(state: ControllerState): boolean {
  const { kind, fold, role } = state;
  if (kind !== 'running' || role !== 'primary' || fold.prepare !== null) return false;
  return isChosen(state) && hasLease(state);
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
