/**
 * Makes the cluster file and the secrets of a local cluster once: three regions, each on a loopback
 * address of its own. Ids are random and stay; nothing is derived from the order of regions.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import { secretsSchema, type KeySet, type Secrets } from '../../shared/config/secrets-schema.ts';
import { writeFileWhole } from './process/whole-file.ts';
import { clusterPaths, localRegionPaths } from './region-paths.ts';

export interface LocalRegion {
  readonly id: string;
  readonly name: string;
  readonly bind: string;
  readonly latitude: number;
  readonly longitude: number;
}

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
}

/** Writes the cluster file and the secrets below `stateFolder`, unless they are there. */
export async function ensureClusterFiles(
  stateFolder: string,
  wanted: NewCluster = {},
): Promise<void> {
  const paths = clusterPaths(stateFolder);
  if (existsSync(paths.clusterFile)) return;
  const regions = wanted.regions ?? defaultRegions;
  const shared = newSharedSecrets();
  for (const { id } of regions) {
    const { folder, secretsFile } = localRegionPaths(stateFolder, id);
    await mkdir(folder, { recursive: true });
    const text = `${secretsComment}${stringify(newSecrets(id, shared))}`;
    await writeFileWhole(secretsFile, text, { mode: 0o600 });
  }
  const cluster = { ...newCluster(regions, wanted.nodesPerRegion ?? 2), ...wanted.sections };
  // The cluster file comes last: while it is missing, secrets are made anew.
  await writeFileWhole(paths.clusterFile, `${clusterComment}${stringify(cluster)}`);
}

const clusterComment = `# The cluster file of Meridian, the same in every region; yours to edit.
# Ids are never reused. npx meridian config check says whether it is valid.
`;
const secretsComment = `# Secrets of one region. Keep this file to its owner (mode 600).
`;

type ClusterFile = Pick<
  ClusterBase,
  'version' | 'clusterId' | 'cell' | 'database' | 'kafka' | 'hosts' | 'regions'
> & { readonly policy: { readonly priority: readonly string[] } };

function newCluster(regions: readonly LocalRegion[], nodesPerRegion: number): ClusterFile {
  return {
    version: 1,
    clusterId: randomUUID(),
    cell: 'main',
    database: 'app',
    kafka: { clusterId: randomKafkaId(), heapMb: 256 },
    policy: { priority: regions.map(({ id }) => id) },
    hosts: Object.fromEntries(regions.map(({ id, bind }) => [hostOf(id), bind])),
    regions: regions.map((region, index) => newRegion(region, index + 1, nodesPerRegion)),
  };
}

function newRegion(
  region: LocalRegion,
  kafkaNodeId: number,
  nodes: number,
): ClusterBase['regions'][number] {
  const { id, name, bind, latitude, longitude } = region;
  return {
    id,
    name,
    host: hostOf(id),
    bind,
    location: { latitude, longitude },
    listeners: { public: 7080, admin: 7081, peer: 7082 },
    processes: [],
    agentPort: 7083,
    kafka: {
      nodeId: kafkaNodeId,
      directoryId: randomKafkaId(),
      isVoter: true,
      clientPort: 9092,
      brokerPort: 9093,
      controllerPort: 9094,
    },
    redis: { port: 6379 },
    sampleUpstreamPort: 7090,
    nodes: Array.from({ length: nodes }, (_, index) => ({
      id: `${id}/pg-${String(index + 1)}`,
      port: 5432 + index,
    })),
  } as unknown as ClusterBase['regions'][number];
}

function hostOf(id: string): string {
  return `${id}.meridian.internal`;
}

/** Kafka's ids: a random UUID in URL-safe base64; tools refuse one that begins with a dash. */
function randomKafkaId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

function newSharedSecrets(): Secrets['shared'] {
  return {
    accessKeys: newKeySet(),
    positionKeys: newKeySet(),
    peerKeys: newKeySet(),
    postgres: {
      owner: newSecret(),
      replicator: newSecret(),
      applier: newSecret(),
      router: newSecret(),
      app: newSecret(),
    },
  };
}

function newSecrets(region: string, shared: Secrets['shared']): Secrets {
  const own = { redisPassword: newSecret(), agentToken: newSecret() };
  return secretsSchema.parse({ version: 1, region, shared, own });
}

function newKeySet(): KeySet {
  return { signWith: 'k1', keys: { k1: randomBytes(32).toString('base64') } };
}

/** 192 bits, safe in URLs and settings files. */
function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
