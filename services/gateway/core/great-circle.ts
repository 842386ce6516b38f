/** Distance on the globe and the round trip that light in fibre needs for it. */

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

const earthRadiusKm = 6371;
/** Light in fibre makes 200 km/ms; cables are about half as long again as the great circle. */
const roundTripKmPerMs = 200 / 2 / 1.5;

/** Great-circle distance in kilometres (haversine). */
export function distanceKm(from: Place, to: Place): number {
  const dLat = radians(to.latitude - from.latitude);
  const dLon = radians(to.longitude - from.longitude);
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(dLon / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(a)));
}

/** Round-trip milliseconds to expect between two places from their distance alone. */
export function expectedRoundTripMs(from: Place, to: Place): number {
  return distanceKm(from, to) / roundTripKmPerMs;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
