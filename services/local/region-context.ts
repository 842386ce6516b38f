/** What every part of a region's agent knows: the cluster file, the region, its secrets, folders. */
import {
  regionOfConfig,
  type ClusterBase,
  type RegionConfig,
} from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Programs } from './programs.ts';
import type { RunAs } from './process/managed-process.ts';
import type { RegionPaths } from './region-paths.ts';

export interface RegionContext {
  readonly cluster: ClusterBase;
  readonly clusterFile: string;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
  readonly paths: RegionPaths;
  readonly programs: Programs;
  /** User of PostgreSQL's processes and folders. */
  readonly postgresUser: RunAs;
  /** Host name → address as this region sees the others. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

/** The addresses of the cluster file, overridden for this region; its own name is its own address. */
export function hostsOf(
  cluster: ClusterBase,
  own: RegionId,
  overrides: Readonly<Record<string, string>>,
): Record<string, string> {
  const region = regionOfConfig(cluster, own);
  return { ...cluster.hosts, ...overrides, [region.host]: region.bind };
}
