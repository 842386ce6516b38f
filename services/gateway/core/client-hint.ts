/**
 * Where a trusted caller says that the client is: headers that content delivery networks add. What
 * does not read as a place says nothing, so that the address decides as if there were no hint.
 */
import type { ClientPlace } from './route-decision.ts';

export interface ClientHints {
  /** Country code (ISO 3166-1), two letters. */
  readonly country: string | undefined;
  /** Degrees. */
  readonly latitude: string | undefined;
  readonly longitude: string | undefined;
}

/** Codes that networks send for "unknown" and for anonymising networks. */
const noCountry = new Set(['XX', 'T1', 'ZZ']);

/** The place that the hints tell; null when they tell none. */
export function hintedPlace(hints: ClientHints): ClientPlace | null {
  const country = countryOf(hints.country);
  const latitude = degrees(hints.latitude, 90);
  const longitude = degrees(hints.longitude, 180);
  if (latitude !== null && longitude !== null) {
    return { kind: 'located', country, place: { latitude, longitude } };
  }
  return country === null ? null : { kind: 'country', country };
}

/**
 * The hint together with what the address tells: the hint's country counts, the address's
 * coordinates help when they are of the same country.
 */
export function refinePlace(hinted: ClientPlace | null, located: ClientPlace): ClientPlace {
  if (hinted === null) return located;
  const isSame =
    hinted.kind === 'country' && located.kind === 'located' && located.country === hinted.country;
  return isSame ? located : hinted;
}

function countryOf(text: string | undefined): string | null {
  const code = text?.trim().toUpperCase() ?? '';
  return /^[A-Z]{2}$/.test(code) && !noCountry.has(code) ? code : null;
}

function degrees(text: string | undefined, most: number): number | null {
  if (text === undefined || !/^\s*[-+]?\d{1,3}(\.\d{1,15})?\s*$/.test(text)) return null;
  const value = Number(text);
  return Math.abs(value) <= most ? value : null;
}
