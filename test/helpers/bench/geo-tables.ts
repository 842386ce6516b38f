/** The tables of addresses that geoip-lite keeps in memory, apart from what a gateway needs. */
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Their size in bytes. */
export function geoTableBytes(): number {
  const entry = createRequire(import.meta.url).resolve('geoip-lite');
  const data = join(entry, '../../data');
  const loaded = ['geoip-city.dat', 'geoip-city6.dat', 'geoip-city-names.dat'];
  return loaded.reduce((sum, name) => sum + statSync(join(data, name)).size, 0);
}
