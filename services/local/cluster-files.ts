/**
 * Makes the cluster file and the secrets of a local cluster once: three regions, each on a loopback
 * address of its own. Ids are random and stay; nothing is derived from the order of regions.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { IssuedCertificate } from '../../shared/auth/certificate-authority.ts';
import type { ClusterBase, KafkaPlace } from '../../shared/config/cluster-schema.ts';
import { internalDomain, isNamedHere, type RegionId } from '../../shared/core/region.ts';
import { newSecrets } from './new-secrets.ts';
import { writeFileWhole } from './process/whole-file.ts';
import { clusterPaths, localRegionPaths } from './region-paths.ts';

export interface NewPlace {
  readonly id: string;
  readonly host: string;
  readonly bind: string;
}

export interface NewRegion extends NewPlace {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Port of a sample upstream; absent: none is started. */
  readonly sampleUpstreamPort?: number;
}

export type LocalRegion = Omit<NewRegion, 'host' | 'sampleUpstreamPort'>;

export const defaultRegions: readonly LocalRegion[] = [
  { id: 'eu-west', name: 'Frankfurt', bind: '127.0.0.2', latitude: 50.11, longitude: 8.68 },
  {
    id: 'us-east',
    name: 'Northern Virginia',
    bind: '127.0.0.3',
    latitude: 38.95,
    longitude: -77.45,
  },
  { id: 'ap-south', name: 'Mumbai', bind: '127.0.0.4', latitude: 19.08, longitude: 72.88 },
];

export interface NewCluster {
  readonly regions?: readonly LocalRegion[];
  /** PostgreSQL nodes in each region: its own node and physical standbys. */
  readonly nodesPerRegion?: number;
  /** Sections of the cluster file that replace the made ones, e.g. `policy` in a test. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Certificates of a private authority for every link: security.mode tls. */
  readonly isSecured?: boolean;
}

/** Writes the cluster file and the secrets below `stateFolder`, unless they are there. */
export async function ensureClusterFiles(
  stateFolder: string,
  wanted: NewCluster = {},
): Promise<void> {
  const paths = clusterPaths(stateFolder);
  if (existsSync(paths.clusterFile)) return;
  const regions = (wanted.regions ?? defaultRegions).map(withLocalHost);
  const made = newCluster(regions, wanted.nodesPerRegion ?? 2);
  const secured = wanted.isSecured === true ? securedSections : null;
  const gateway = { ...secured?.gateway, ...(wanted.sections?.['gateway'] ?? {}) };
  const cluster = { ...made, ...secured, ...wanted.sections, gateway };
  const { secrets, authority } = await newSecrets(made, wanted.isSecured === true);
  if (authority !== null) await writeAuthority(paths.authorityFolder, authority);
  for (const [id, own] of secrets) {
    const { folder, secretsFile } = localRegionPaths(stateFolder, id);
    await mkdir(folder, { recursive: true });
    await writeFileWhole(secretsFile, `${secretsComment}${stringify(own)}`, { mode: 0o600 });
  }
  // The cluster file comes last: while it is missing, secrets are made anew.
  await writeFileWhole(paths.clusterFile, `${clusterComment}${stringify(cluster)}`);
}

/** What signs certificates: `meridian certificates` reads it. */
export async function writeAuthority(
  folder: string,
  { certificate, key }: IssuedCertificate,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileWhole(join(folder, 'ca.pem'), certificate, { mode: 0o644 });
  await writeFileWhole(join(folder, 'ca-key.pem'), key, { mode: 0o600 });
}

function withLocalHost(region: LocalRegion): NewRegion {
  return { ...region, host: `${region.id}${internalDomain}`, sampleUpstreamPort: 7090 };
}

export const clusterComment = `# The cluster file of Meridian, the same in every region.
# Yours to edit. Ids are never reused. npx meridian config check says whether it is valid.
`;
export const secretsComment = `# Secrets of one region. Keep this file to its owner (mode 600).
`;

/** Sections of a cluster in mode tls; the paths are those that the agent writes the files to. */
export const securedSections = {
  security: { mode: 'tls' },
  gateway: {
    tls: {
      certPath: 'tls/region.pem',
      keyPath: 'tls/region-key.pem',
      regionsCaPath: 'tls/authority.pem',
    },
  },
} as const;

export type NewClusterFile = Pick<
  ClusterBase,
  'version' | 'clusterId' | 'cell' | 'database' | 'kafka' | 'hosts' | 'regions' | 'witnesses'
> & { readonly policy: { readonly priority: readonly string[] } };

/** Kafka's controllers are an odd number of regions: more of them vote no better. */
export const votersMax = 3;

/** A cluster file with new ids, addresses of hosts that need one in `hosts`. */
export function newCluster(
  regions: readonly NewRegion[],
  nodesPerRegion: number,
  witnesses: readonly NewPlace[] = [],
): NewClusterFile {
  const internal = [...regions, ...witnesses].filter(isNamedHere);
  const kafkaIdOfWitness = (index: number): number => regions.length + index + 1;
  return {
    version: 1,
    clusterId: randomUUID(),
    cell: 'main',
    database: 'app',
    kafka: { clusterId: randomKafkaId(), heapMb: 256 },
    policy: { priority: regions.map(({ id }) => id) },
    hosts: Object.fromEntries(internal.map(({ host, bind }) => [host, bind])),
    regions: regions.map((region, index) =>
      newRegion(region, newKafkaNode(index + 1, index < votersMax), nodesPerRegion),
    ),
    witnesses: witnesses.map(({ id, host, bind }, index) => ({
      ...{ id: id as RegionId, host, bind },
      kafka: newKafkaNode(kafkaIdOfWitness(index), true),
    })),
  };
}

/** The entry of one region, with the usual ports. */
export function newRegion(
  region: NewRegion,
  kafka: KafkaPlace['kafka'],
  nodes: number,
): ClusterBase['regions'][number] {
  const { id, name, host, bind, latitude, longitude, sampleUpstreamPort } = region;
  return {
    id,
    name,
    host,
    bind,
    location: { latitude, longitude },
    listeners: { public: 7080, admin: 7081, peer: 7082 },
    processes: [],
    agentPort: 7083,
    kafka,
    redis: { port: 6379 },
    ...(sampleUpstreamPort === undefined ? {} : { sampleUpstreamPort }),
    nodes: Array.from({ length: nodes }, (_, index) => ({
      id: `${id}/pg-${String(index + 1)}`,
      port: 5432 + index,
    })),
  } as unknown as ClusterBase['regions'][number];
}

/** A Kafka node with new ids and the usual ports. */
export function newKafkaNode(nodeId: number, isVoter: boolean): KafkaPlace['kafka'] {
  const ports = { clientPort: 9092, brokerPort: 9093, controllerPort: 9094 };
  return { nodeId, directoryId: randomKafkaId(), isVoter, joinsLater: false, ...ports };
}

/** Kafka's ids: a random UUID in URL-safe base64; tools refuse one that begins with a dash. */
function randomKafkaId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
