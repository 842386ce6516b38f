/** What a sticky cookie says: the region and the instance that served the client before. */
import { isRegionId, type RegionId } from '../../../shared/core/region.ts';

export interface Sticky {
  readonly region: RegionId;
  /** Route and instance, as the short name that the cookie carries. */
  readonly route: string;
  readonly instance: string;
  /** Wall-clock milliseconds of its end. */
  readonly untilMs: number;
}

/** The text to sign. */
export function formatSticky(sticky: Sticky): string {
  const { route, region, instance, untilMs } = sticky;
  return `sticky ${route} ${region} ${instance} ${String(untilMs)}`;
}

/** A text whose signature was verified; null when it says nothing for `route` any more. */
export function parseSticky(text: string, route: string, nowMs: number): Sticky | null {
  const match = /^sticky ([a-z0-9-]+) ([a-z0-9-]+) ([0-9a-z]+) (\d{1,15})$/.exec(text);
  if (match === null) return null;
  const [, of = '', region = '', instance = '', until = ''] = match;
  const untilMs = Number(until);
  if (of !== route || !isRegionId(region) || nowMs >= untilMs) return null;
  return { route, region, instance, untilMs };
}

/** A short name for an instance that does not tell where it is (FNV-1a, twice 32 bit). */
export function shortName(instance: string): string {
  const half = (seed: number): string => {
    let hash = seed;
    for (let i = 0; i < instance.length; i += 1) {
      hash = Math.imul(hash ^ instance.charCodeAt(i), 0x01000193) >>> 0;
    }
    return hash.toString(36);
  };
  return half(0x811c9dc5) + half(0x1234567);
}
