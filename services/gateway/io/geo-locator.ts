/** Where an address is, by geoip-lite's tables, behind a small cache. */
import ipaddr from 'ipaddr.js';
import type { ClientPlace } from '../core/route-decision.ts';

export interface GeoLocator {
  /** Never throws; an address that says nothing is `unknown`. */
  locate(address: string): ClientPlace;
  /** Reads the tables anew, for instance after an update of the package's data. */
  reload(): Promise<void>;
}

interface GeoTables {
  lookup(address: string): {
    readonly country?: string;
    readonly ll?: readonly (number | null)[];
  } | null;
  reloadData(done: (error?: Error | null) => void): void;
}

const cacheSize = 10_000;

/** Loads the tables (about 110 MB, 0.1 s); `tables` replaces them in tests. */
export async function createGeoLocator(tables?: GeoTables): Promise<GeoLocator> {
  const data = tables ?? (await import('geoip-lite')).default;
  const cache = new Map<string, ClientPlace>();
  return {
    locate(address) {
      const known = cache.get(address);
      if (known !== undefined) return known;
      const place = placeOf(address, data);
      if (cache.size >= cacheSize) {
        for (const oldest of cache.keys()) {
          cache.delete(oldest);
          if (cache.size <= cacheSize / 2) break;
        }
      }
      cache.set(address, place);
      return place;
    },
    reload: () =>
      new Promise((resolve, reject) => {
        data.reloadData((error) => {
          cache.clear();
          if (error instanceof Error) reject(error);
          else resolve();
        });
      }),
  };
}

function placeOf(address: string, data: GeoTables): ClientPlace {
  if (!ipaddr.isValid(address)) return { kind: 'unknown' };
  const range = ipaddr.process(address).range();
  if (range !== 'unicast') {
    return range === 'reserved' || range === 'unspecified' || range === 'multicast'
      ? { kind: 'unknown' }
      : { kind: 'private' };
  }
  const found = lookUp(address, data);
  if (found === null) return { kind: 'unknown' };
  const country = found.country === undefined || found.country === '' ? null : found.country;
  const [latitude, longitude] = found.ll ?? [];
  if (typeof latitude === 'number' && typeof longitude === 'number') {
    return { kind: 'located', country, place: { latitude, longitude } };
  }
  return country === null ? { kind: 'unknown' } : { kind: 'country', country };
}

function lookUp(address: string, data: GeoTables): ReturnType<GeoTables['lookup']> {
  try {
    return data.lookup(address);
  } catch {
    return null;
  }
}
