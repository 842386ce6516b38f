/** What every part of a region's agent knows: cluster file, region, secrets, folders. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import {
  regionOfConfig,
  type ClusterBase,
  type RegionConfig,
} from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { checkSecurity, linkIdentityOf } from '../../shared/config/security.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { installLinkIdentity } from '../../shared/runtime/link-security.ts';
import { createLogger, type Logger } from '../../shared/logging/logger.ts';
import { installHostResolver } from '../../shared/runtime/host-resolver.ts';
import { checkReachable, reachablePostgresHome } from './postgres-place.ts';
import type { RunAs } from './process/managed-process.ts';
import { writeFileWhole } from './process/whole-file.ts';
import {
  locatePrograms,
  postgresMajorMin,
  postgresMajorVersion,
  postgresUser,
  type Programs,
} from './programs.ts';
import type { RegionPaths } from './region-paths.ts';
import { writeTlsFiles } from './tls-files.ts';

export interface RegionContext {
  /** Replaced, with the hosts, by `takeCluster` alone. */
  cluster: ClusterBase;
  readonly clusterFile: string;
  readonly region: RegionConfig;
  /** Certificates in it are replaced by `parts/certificate-renewal.ts` alone. */
  secrets: Secrets;
  readonly paths: RegionPaths;
  readonly programs: Programs;
  /** User of PostgreSQL's processes and folders. */
  readonly postgresUser: RunAs;
  /** Host name → address as this region sees the others. */
  hosts: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export interface RegionOptions {
  readonly cluster: ClusterBase;
  /** Handed to the Meridian process, which reads it itself. */
  readonly clusterFile: string;
  readonly region: RegionId;
  readonly secrets: Secrets;
  readonly paths: RegionPaths;
  /** Host name → address over the cluster file's, for instance those of the WAN proxies. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Reads the cluster file anew; without it nothing of it is taken while running. */
  readonly readCluster?: () => ClusterBase;
  /** True where Kafka, Redis and Meridian run beside the agent, in containers of their own. */
  readonly onlyPostgres?: boolean;
  readonly logger?: Logger;
}

/** Makes the region's folders and hosts files, and finds its programs. Throws in plain words. */
export async function openRegionContext(options: RegionOptions): Promise<RegionContext> {
  const { cluster, region: id, paths, secrets } = options;
  const region = regionOfConfig(cluster, id);
  checkSecurity(cluster, secrets);
  installLinkIdentity(linkIdentityOf(cluster, secrets));
  const logger = options.logger ?? createLogger({ service: 'agent', region: id, level: 'info' });
  const hosts = hostsOf(cluster, region, options.hosts ?? {});
  installHostResolver(hosts);
  const { logsFolder, runFolder, folder } = paths;
  for (const path of [folder, logsFolder, runFolder, paths.postgresFolder]) {
    await mkdir(path, { recursive: true });
  }
  await claimFolder(paths, cluster, id);
  await writeHosts(paths, hosts);
  await writeTlsFiles(paths.tlsFolder, secrets);
  const user = postgresUser();
  checkReachable(user, paths.postgresFolder);
  const located = locatePrograms(region);
  checkPostgres(located.postgresHome);
  const postgresHome = await reachablePostgresHome(located.postgresHome, user);
  return {
    cluster,
    clusterFile: options.clusterFile,
    region,
    secrets,
    paths,
    programs: { ...located, postgresHome },
    postgresUser: user,
    hosts,
    logger,
  };
}

function checkPostgres(home: string): void {
  const major = postgresMajorVersion(home);
  if (major >= postgresMajorMin) return;
  const found = Number.isNaN(major) ? 'no PostgreSQL' : `PostgreSQL ${String(major)}`;
  const hint = `It needs bin/postgres of PostgreSQL ${String(postgresMajorMin)} or newer.`;
  throw new MeridianError('ConfigInvalid', `There is ${found} in ${home}.`, { hint });
}

/**
 * Takes another cluster file while the region runs: who the other regions are and where. Throws
 * ConfigInvalid when it changes this region itself, which needs a restart.
 */
export async function takeCluster(
  context: RegionContext,
  cluster: ClusterBase,
  overrides: Readonly<Record<string, string>>,
): Promise<void> {
  const { region, paths, secrets, cluster: before } = context;
  const own = cluster.regions.find(({ id }) => id === region.id);
  const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  const isOwnSame = isSame(own, region) && isSame(cluster.security, before.security);
  if (!isOwnSame || cluster.clusterId !== before.clusterId) {
    throw new MeridianError('ConfigInvalid', `The cluster file changes ${region.id} itself.`, {
      hint: `restart the region: npx meridian region up ${region.id}`,
    });
  }
  const hosts = hostsOf(cluster, region, overrides);
  installHostResolver(hosts);
  installLinkIdentity(linkIdentityOf(cluster, secrets));
  await writeHosts(paths, hosts);
  Object.assign(context, { cluster, hosts });
}

async function writeHosts(
  paths: RegionPaths,
  hosts: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFileWhole(paths.hostsJsonFile, JSON.stringify(hosts, null, 2));
  await writeFileWhole(paths.hostsTextFile, hostsText(hosts));
}

/** Data of another cluster or region are refused before anything touches them. */
export async function claimFolder(
  paths: RegionPaths,
  cluster: ClusterBase,
  id: RegionId,
): Promise<void> {
  const own = { clusterId: cluster.clusterId, region: id };
  if (!existsSync(paths.ownerFile)) {
    await writeFileWhole(paths.ownerFile, JSON.stringify(own));
    return;
  }
  const owner = ownerSchema.parse(JSON.parse(readFileSync(paths.ownerFile, 'utf8')));
  if (owner.clusterId === own.clusterId && owner.region === own.region) return;
  throw new Error(
    `${paths.folder} belongs to region ${owner.region} of cluster ${owner.clusterId}, not to ` +
      `${id} of ${own.clusterId}. Name another folder, or start over with --fresh.`,
  );
}

const ownerSchema = z.object({ clusterId: z.string(), region: z.string() });

/** The cluster file's addresses, overridden for this region; its own name is its own address. */
export function hostsOf(
  cluster: Pick<ClusterBase, 'hosts'>,
  own: { readonly host: string; readonly bind: string },
  overrides: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...cluster.hosts, ...overrides, [own.host]: own.bind };
}

/** hosts(5); the JVM looks up nothing else, so its own machine is in it as well. */
export function hostsText(hosts: Readonly<Record<string, string>>): string {
  const lines = Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`);
  return `127.0.0.1 localhost\n${lines.join('')}`;
}
