/**
 * The WAN between the regions of one machine: for every ordered pair of regions a loopback address
 * of its own that stands for the second as the first sees it, and the latency of each direction.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import { crossRegionPorts } from '../region-addresses.ts';
import { roundTripMs } from './round-trip.ts';

const pairSchema = z.object({
  from: z.string(),
  to: z.string(),
  /** Where connections from `from` to `to` are taken. */
  address: z.ipv4(),
  /** Where `to` itself listens. */
  target: z.ipv4(),
  /** The name of `to` in the cluster file. */
  host: z.string(),
  ports: z.array(z.int()),
  latencyMs: z.number(),
});

const wanSchema = z.object({
  version: z.literal(1),
  control: z.object({ host: z.ipv4(), port: z.int(), token: z.string() }),
  pairs: z.array(pairSchema),
});

export type WanPair = z.infer<typeof pairSchema>;
export type WanSettings = z.infer<typeof wanSchema>;

export interface WanPlace {
  /** The first two numbers of the proxies' addresses. */
  readonly network: string;
  readonly controlHost: string;
  readonly controlPort: number;
}

const defaultPlace: WanPlace = { network: '127.20', controlHost: '127.0.0.1', controlPort: 7099 };

/** Settings for `cluster`: latencies from the regions' places on earth. */
export function makeWanSettings(cluster: ClusterBase, place: WanPlace = defaultPlace): WanSettings {
  const pairs = cluster.regions.flatMap((from, i) =>
    cluster.regions.flatMap((to, j): WanPair[] => {
      if (i === j) return [];
      const latencyMs = roundTripMs(from.location, to.location) / 2;
      const address = `${place.network}.${String(i + 1)}.${String(j + 1)}`;
      const ports = crossRegionPorts(to);
      const { bind: target, host } = to;
      return [{ from: from.id, to: to.id, address, target, host, ports, latencyMs }];
    }),
  );
  const token = randomBytes(24).toString('base64url');
  return {
    version: 1,
    control: { host: place.controlHost, port: place.controlPort, token },
    pairs,
  };
}

/** The settings kept in `file`, made when there are none or the cluster's regions have changed. */
export async function ensureWanSettings(
  file: string,
  cluster: ClusterBase,
  place?: WanPlace,
): Promise<WanSettings> {
  const made = makeWanSettings(cluster, place);
  const kept = readWanSettings(file);
  const shape = (settings: WanSettings): string => JSON.stringify(settings.pairs);
  if (kept !== null && shape(kept) === shape(made)) return kept;
  await writeFileWhole(file, JSON.stringify(made, null, 2), { mode: 0o600 });
  return made;
}

/** The settings kept in `file`, or null when there are none. */
export function readWanSettings(file: string): WanSettings | null {
  if (!existsSync(file)) return null;
  return wanSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Host name → address as `region` must see the others, so that all it dials passes the proxies. */
export function wanHostsOf(settings: WanSettings, region: string): Record<string, string> {
  const pairs = settings.pairs.filter(({ from }) => from === region);
  return Object.fromEntries(pairs.map(({ host, address }) => [host, address]));
}
