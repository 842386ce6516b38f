/**
 * What is lost if a region became primary by force now: what others hold beyond its position, and
 * who has not been heard. The fold lists nothing; this is what a person is shown before.
 */
import {
  comparePositions,
  formatPosition,
  zeroPosition,
  type Position,
} from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';
import { ownPosition } from './situation.ts';

export interface ExpectedLoss {
  /** Where the chosen region's history ends: that becomes the cut. Null: it is not known. */
  readonly cut: string | null;
  /** Regions that hold more, the furthest first. */
  readonly beyond: readonly {
    readonly region: RegionId;
    readonly position: string;
    /** Of WAL in the same epoch; null when the chosen region is in an older one. */
    readonly bytes: number | null;
    readonly known: string;
  }[];
  /** Regions that nothing is known of. */
  readonly unheard: readonly RegionId[];
  readonly inWords: string;
}

interface Known {
  readonly region: RegionId;
  readonly position: Position | null;
  readonly known: string;
}

/** Judged by seals where there are some, else by what regions said last. */
export function expectedLoss(state: ControllerState, to: RegionId): ExpectedLoss {
  const regions = state.fold.policy?.regions ?? [];
  const all = regions.map((region) => knownOf(state, region));
  const chosen = all.find(({ region }) => region === to)?.position ?? null;
  const others = all.filter(({ region }) => region !== to);
  const beyond = others
    .filter(({ position }) => position !== null && isBeyond(position, chosen))
    .toSorted((a, b) => comparePositions(b.position ?? zeroPosition, a.position ?? zeroPosition))
    .map(({ region, position, known }) => ({
      region,
      position: position === null ? '' : formatPosition(position),
      bytes: bytesBetween(chosen, position),
      known,
    }));
  const unheard = others.filter(({ position }) => position === null).map(({ region }) => region);
  const cut = chosen === null ? null : formatPosition(chosen);
  return { cut, beyond, unheard, inWords: inWords(to, beyond, unheard) };
}

function knownOf(state: ControllerState, region: RegionId): Known {
  const seal = state.fold.prepare?.seals.find((one) => one.region === region);
  if (seal !== undefined) return { region, position: seal.position, known: 'its seal' };
  if (region === state.config.region) {
    return { region, position: ownPosition(state), known: 'it answers' };
  }
  const peer = state.peers.find(({ report }) => report.id === region);
  const ageMs = peer === undefined ? 0 : peer.report.ageMs + state.nowMs - peer.heardAtMs;
  const known = `heard ${Math.round(ageMs / 1000)} s ago, it may hold more`;
  return { region, position: peer?.report.position ?? null, known };
}

function isBeyond(position: Position, chosen: Position | null): boolean {
  return chosen === null || comparePositions(position, chosen) > 0;
}

function bytesBetween(chosen: Position | null, position: Position | null): number | null {
  if (chosen === null || position === null || chosen.epoch !== position.epoch) return null;
  return Number(position.endLsn - chosen.endLsn);
}

function inWords(
  to: RegionId,
  beyond: ExpectedLoss['beyond'],
  unheard: readonly RegionId[],
): string {
  const more = beyond.map(({ region }) => region).join(', ');
  const lost =
    beyond.length === 0
      ? `nothing is known to lie beyond what ${to} holds`
      : `what ${more} hold beyond ${to}, confirmed writes too, is given up`;
  const silent = unheard.length === 0 ? '' : `; nothing is known of ${unheard.join(', ')}`;
  return `${lost}${silent}; a region that comes back lists its rows before it is repaired`;
}
