/**
 * How long a packet travels between two places: the great circle, longer by the detours of real
 * cables, at the speed of light in glass, and a little for the equipment. Within a fifth of what
 * public clouds report: Frankfurt–Virginia 93 ms (reported 90), Virginia–Mumbai 183 ms (190).
 */

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

const earthRadiusKm = 6371;
const detour = 1.4;
const kmPerMsInGlass = 200;
const equipmentMs = 2;

/** Round trip in milliseconds, whole. */
export function roundTripMs(from: Place, to: Place): number {
  return Math.round((2 * distanceKm(from, to) * detour) / kmPerMsInGlass + equipmentMs);
}

/** Great-circle distance (haversine formula). */
export function distanceKm(from: Place, to: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const halfLatitude = radians(to.latitude - from.latitude) / 2;
  const halfLongitude = radians(to.longitude - from.longitude) / 2;
  const chord =
    Math.sin(halfLatitude) ** 2 +
    Math.cos(radians(from.latitude)) *
      Math.cos(radians(to.latitude)) *
      Math.sin(halfLongitude) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)));
}
