/**
 * What one gateway tells the next when it hands a request on. The text is signed by the shell; a
 * request that was handed on is served where it arrives, or by a region that has not seen it.
 */
import { isRegionId, type RegionId } from '../../../shared/core/region.ts';

export interface Hop {
  /** Regions that have had the request, the first is where the client connected. */
  readonly visited: readonly RegionId[];
  /** The client as the first gateway saw it. */
  readonly clientAddress: string;
  readonly scheme: 'http' | 'https';
  /** Whether the first gateway knew the caller as a trusted one; a hop itself earns no trust. */
  readonly isTrusted: boolean;
  /** Wall-clock milliseconds of sending; old hops are refused. */
  readonly atMs: number;
}

export type HopVerdict =
  | { readonly kind: 'accepted'; readonly hop: Hop }
  | { readonly kind: 'malformed' | 'expired' | 'loop' | 'too-many'; readonly why: string };

/** Regions' clocks may differ by this much. */
const ageMsMax = 600_000;

/** The hop as JSON text. */
export function formatHop(hop: Hop): string {
  const { visited, clientAddress, scheme, isTrusted, atMs } = hop;
  return JSON.stringify({ v: 1, visited, clientAddress, scheme, isTrusted, atMs });
}

/** Judges a hop whose signature was verified. */
export function judgeHop(
  text: string,
  own: RegionId,
  limits: { readonly hopsMax: number; readonly nowMs: number },
): HopVerdict {
  const hop = parseHop(text);
  if (hop === null) return { kind: 'malformed', why: 'the hop header does not read as one' };
  if (Math.abs(limits.nowMs - hop.atMs) > ageMsMax) {
    return { kind: 'expired', why: 'the hop header is too old' };
  }
  if (hop.visited.includes(own)) {
    return { kind: 'loop', why: `the request came back to ${own} by ${hop.visited.join(', ')}` };
  }
  if (hop.visited.length > limits.hopsMax) {
    return { kind: 'too-many', why: `more than ${String(limits.hopsMax)} regions handed it on` };
  }
  return { kind: 'accepted', hop };
}

function parseHop(text: string): Hop | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { v, visited, clientAddress, scheme, isTrusted, atMs } = value as Record<string, unknown>;
  if (v !== 1 || !Array.isArray(visited) || visited.length === 0) return null;
  const regions = visited.filter((id): id is RegionId => typeof id === 'string' && isRegionId(id));
  if (regions.length !== visited.length) return null;
  if (typeof clientAddress !== 'string' || typeof atMs !== 'number') return null;
  if (scheme !== 'http' && scheme !== 'https') return null;
  return { visited: regions, clientAddress, scheme, isTrusted: isTrusted === true, atMs };
}
