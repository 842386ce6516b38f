/**
 * What one gateway tells the next when it hands a request on. The text is signed by the shell; a
 * request that was handed on is served where it arrives, or by a region that has not seen it. A
 * hop is good for one request at one region: whoever has read it can do nothing with it.
 */
import { isRegionId, type RegionId } from '../../../shared/core/region.ts';
import type { HopNumber } from './edge/hop-ledger.ts';

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
  /** Null: of a gateway of the version before, which did not bind its hops. */
  readonly bond: HopBond | null;
}

/** What makes a hop one request's. */
export interface HopBond extends HopNumber {
  /** The region that it is sent to. */
  readonly to: RegionId;
  /** Digest of the request's method, path and host. */
  readonly digest: string;
}

/** The request that came with the hop. */
export interface HopRequest {
  readonly own: RegionId;
  readonly digest: string;
  readonly nowMs: number;
}

export interface HopRules {
  readonly hopsMax: number;
  /** True once for each number; asked last. */
  readonly take: (number: HopNumber) => boolean;
}

export type HopVerdict =
  | { readonly kind: 'accepted'; readonly hop: Hop }
  | { readonly kind: 'malformed' | HopRefusal; readonly why: string };

export type HopRefusal = 'expired' | 'misplaced' | 'replayed' | 'loop' | 'too-many';

/** Regions' clocks may be an hour apart; a hop counts once, so its age need not be short. */
export const hopAgeMsMax = 3_900_000;
/** Without a bond age is all there is. */
const unboundAgeMsMax = 600_000;

/** The hop as JSON text. */
export function formatHop({ bond, ...hop }: Hop): string {
  return JSON.stringify({ v: 1, ...hop, ...bond });
}

/** Judges a hop whose signature was verified. */
export function judgeHop(text: string, request: HopRequest, rules: HopRules): HopVerdict {
  const hop = parseHop(text);
  if (hop === null) return { kind: 'malformed', why: 'the hop header does not read as one' };
  const { visited, bond } = hop;
  const { own } = request;
  const ageMsMax = bond === null ? unboundAgeMsMax : hopAgeMsMax;
  if (Math.abs(request.nowMs - hop.atMs) > ageMsMax) {
    return { kind: 'expired', why: 'the hop header is too old' };
  }
  if (bond !== null && (bond.to !== own || bond.digest !== request.digest)) {
    return { kind: 'misplaced', why: 'the hop header was signed for another request' };
  }
  if (visited.includes(own)) {
    return { kind: 'loop', why: `the request came back to ${own} by ${visited.join(', ')}` };
  }
  if (visited.length > rules.hopsMax) {
    return { kind: 'too-many', why: `more than ${String(rules.hopsMax)} regions handed it on` };
  }
  if (bond !== null && !rules.take(bond)) {
    return { kind: 'replayed', why: 'the hop header came before' };
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
  const fields = value as Record<string, unknown>;
  const { v, visited, clientAddress, scheme, isTrusted, atMs } = fields;
  if (v !== 1 || !Array.isArray(visited) || visited.length === 0) return null;
  const regions = visited.filter((id): id is RegionId => typeof id === 'string' && isRegionId(id));
  if (regions.length !== visited.length) return null;
  if (typeof clientAddress !== 'string' || typeof atMs !== 'number') return null;
  if (scheme !== 'http' && scheme !== 'https') return null;
  const bond = parseBond(fields);
  if (bond === undefined) return null;
  const isCallerTrusted = isTrusted === true;
  return { visited: regions, clientAddress, scheme, isTrusted: isCallerTrusted, atMs, bond };
}

/** Undefined when there is one that cannot be read. */
function parseBond({
  to,
  digest,
  sender,
  number,
}: Record<string, unknown>): HopBond | null | undefined {
  if (sender === undefined) return null;
  if (typeof to !== 'string' || !isRegionId(to) || typeof digest !== 'string') return undefined;
  if (typeof sender !== 'string' || typeof number !== 'number') return undefined;
  return Number.isSafeInteger(number) && number > 0 ? { to, digest, sender, number } : undefined;
}
