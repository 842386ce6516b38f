/**
 * Where an address is, by geoip-lite's tables, behind a small cache. Tables that are replaced on
 * disk (`npm run updatedb` of the package, or another folder by GEODATADIR) are read while running.
 */
import { unwatchFile, watchFile } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { ClientPlace } from '../core/route-decision.ts';

export interface GeoLocator {
  /** Never throws; an address that says nothing is `unknown`. */
  locate(address: string): ClientPlace;
  /** Reads the tables anew; rejects when they cannot be read, the old ones then stay. */
  reload(): Promise<void>;
  /** Reads them anew once their file has changed and rested. */
  follow(onReload: (error: Error | null) => void): void;
  stop(): void;
}

interface GeoTables {
  lookup(address: string): {
    readonly country?: string;
    readonly ll?: readonly (number | null)[];
  } | null;
  reloadData(done: (error?: Error | null) => void): void;
}

const cacheSize = 10_000;
/** Tables are some files that are replaced one after the other: they have rested this long. */
const pollMs = 10_000;

/** What a test puts in place of the package's tables. */
export interface GeoSource {
  readonly tables: GeoTables;
  readonly file: string;
  readonly pollMs: number;
}

/** Loads the tables (about 110 MB, 0.1 s). */
export async function createGeoLocator(source?: GeoSource): Promise<GeoLocator> {
  const data = source?.tables ?? (await import('geoip-lite')).default;
  const file = source?.file ?? tableFile();
  let resting: NodeJS.Timeout | null = null;
  let onChange: (() => void) | null = null;
  const cache = new Map<string, ClientPlace>();
  const reload = (): Promise<void> =>
    new Promise((resolve, reject) => {
      data.reloadData((error) => {
        cache.clear();
        if (error instanceof Error) reject(error);
        else resolve();
      });
    });
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
    reload,
    follow(onReload) {
      const interval = source?.pollMs ?? pollMs;
      onChange = () => {
        if (resting !== null) clearTimeout(resting);
        resting = setTimeout(() => {
          reload().then(() => onReload(null), onReload);
        }, interval).unref();
      };
      watchFile(file, { interval, persistent: false }, onChange);
    },
    stop() {
      if (onChange !== null) unwatchFile(file, onChange);
      if (resting !== null) clearTimeout(resting);
    },
  };
}

/** The largest of the package's tables. */
function tableFile(): string {
  const own = join(createRequire(import.meta.url).resolve('geoip-lite/package.json'), '../data');
  return join(process.env['GEODATADIR'] ?? own, 'geoip-city.dat');
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
