/** Regions of test clusters: where they are on the map, and their addresses on this machine. */
import type { LocalRegion } from '../../../services/local/cluster-files.ts';
import type { WanPlace } from '../../../services/local/wan/wan-settings.ts';

export const placesOfRegions: Readonly<Record<string, readonly [string, number, number]>> = {
  'eu-west': ['Frankfurt', 50.11, 8.68],
  'us-east': ['Northern Virginia', 38.95, -77.45],
  'ap-south': ['Mumbai', 19.08, 72.88],
};

/** Addresses that no other test uses at the same time: two random parts below 127/8. */
const below = (bound: number): number => Math.floor(Math.random() * bound);
const network = `127.${80 + below(160)}.${1 + below(250)}`;
const wanNetwork = `127.${21 + below(50)}`;

export const wanPlace: WanPlace = {
  network: wanNetwork,
  controlHost: `${wanNetwork}.255.1`,
  controlPort: 7099,
};

export function localRegion(id: string, index: number): LocalRegion {
  const [name, latitude, longitude] = placesOfRegions[id] ?? [id, 10 * index, 10 * index];
  return { id, name, latitude, longitude, bind: `${network}.${2 + index}` };
}
