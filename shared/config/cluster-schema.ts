/**
 * The part of the cluster file that every service shares: identity, regions, addresses, nodes and
 * the proposed policy. Services add their sections in `services/cluster-config.ts`.
 */
import { z } from 'zod';
import { isRegionId, type RegionId } from '../core/region.ts';
import { parseNodeId, type NodeId } from '../core/node.ts';
import { externalKafkaSchema, externalRedisSchema } from './external-parts.ts';

export const regionIdSchema = z
  .string()
  .refine(isRegionId, { error: 'must be lower-case letters, digits and dashes, e.g. eu-west' })
  .transform((text): RegionId => text);

const nodeIdSchema = z.string().transform((text, context): NodeId => {
  const id = parseNodeId(text);
  if (id !== null) return id;
  context.addIssue({ code: 'custom', message: 'must read <region>/pg-<n>, e.g. eu-west/pg-1' });
  return z.NEVER;
});

const port = z.int().min(1).max(65535);
const durationMs = z.int().min(1);

/** The three listeners of a Meridian process. */
export const listenersSchema = z.strictObject({ public: port, admin: port, peer: port });

export const serviceNames = ['gateway', 'router', 'replicator', 'failover'] as const;
export const serviceNameSchema = z.enum(serviceNames);
export type ServiceName = (typeof serviceNames)[number];

const place = {
  id: regionIdSchema,
  /** Name that every other process dials; `hosts` or the system's resolver gives the address. */
  host: z.string().min(1).max(253),
  /** Address that the own processes bind. */
  bind: z.ipv4(),
};

/** Only external brokers, which have one that is none of Meridian's business, are without it. */
export const noDirectoryId = 'AAAAAAAAAAAAAAAAAAAAAA';

const kafkaNodeSchema = z.strictObject({
  /** Where an external broker is, by the name that it advertises; absent: at the region's host. */
  host: z.string().min(1).max(253).optional(),
  /** Never reused. */
  nodeId: z.int().min(1),
  /** Made once (base64 UUID), never derived, never reused. */
  directoryId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{22}$/)
    .default(noDirectoryId),
  /** It has a vote, and a copy of the control log; of an external broker: the copy alone. */
  isVoter: z.boolean(),
  /** Comes to a quorum that works already, which takes it in while it runs. */
  joinsLater: z.boolean().default(false),
  clientPort: port,
  brokerPort: port.default(9093),
  controllerPort: port.default(9094),
});

export const regionSchema = z.strictObject({
  ...place,
  name: z.string().min(1).max(64),
  location: z.strictObject({
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
  }),
  listeners: listenersSchema,
  /** Split deployments: services that run in processes of their own, with their own listeners. */
  processes: z
    .array(
      z.strictObject({
        services: z.array(serviceNameSchema).min(1),
        listeners: listenersSchema,
      }),
    )
    .default([]),
  /** The node agent's port. */
  agentPort: port,
  kafka: kafkaNodeSchema,
  redis: z.strictObject({ port, external: externalRedisSchema.optional() }),
  /** An installation of PostgreSQL on the region's host, with `bin/postgres`, 17 or newer. */
  postgres: z.strictObject({ home: z.string().startsWith('/').max(1024) }).optional(),
  /** Where the node agent starts a sample upstream for the gateway; absent: none. */
  sampleUpstreamPort: port.optional(),
  /** PostgreSQL nodes; the first is the region's node, the others its physical standbys. */
  nodes: z.array(z.strictObject({ id: nodeIdSchema, port })).min(1),
});

/**
 * The longest the control log was seen to keep a renewal waiting while one broker was lost: a lease
 * that bears no more was lost to it (decision 0020).
 */
export const controlStallMs = 4250;
/** So many renewals fit in a lease. */
const renewalsInLease = 3;

const policySchema = z
  .strictObject({
    priority: z.array(regionIdSchema).min(1),
    k: z.int().min(1).default(1),
    leaseTtlMs: durationMs.default(6500),
    leaseMarginMs: durationMs.default(250),
    renewIntervalMs: durationMs.default(500),
    nodeRecoveryMs: durationMs.default(3000),
    memberTimeoutMs: durationMs.default(10_000),
  })
  .superRefine(({ leaseTtlMs, leaseMarginMs, renewIntervalMs }, context) => {
    const heldMs = leaseTtlMs - leaseMarginMs;
    const least = controlStallMs + leaseMarginMs + renewIntervalMs;
    if (leaseTtlMs <= least) {
      const sum = `leaseMarginMs + renewIntervalMs + ${String(controlStallMs)} ms`;
      const message =
        `must be above ${String(least)}: ${sum}, ` +
        'for which the control log may keep a renewal waiting when a broker is lost';
      context.addIssue({ code: 'custom', path: ['leaseTtlMs'], message });
    }
    if (renewalsInLease * renewIntervalMs > heldMs) {
      const message = `must fit ${String(renewalsInLease)} times into leaseTtlMs - leaseMarginMs`;
      context.addIssue({ code: 'custom', path: ['renewIntervalMs'], message });
    }
  });

export const clusterSchema = z.strictObject({
  version: z.literal(1),
  clusterId: z.uuid(),
  cell: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/)
    .default('main'),
  /** Name of the one PostgreSQL database that lives in every region. */
  database: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .default('app'),
  kafka: z.strictObject({
    /** Kafka's own cluster id (base64 UUID), made once. */
    clusterId: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
    heapMb: z.int().min(128).default(256),
    external: externalKafkaSchema.optional(),
  }),
  regions: z.array(regionSchema).min(1),
  /** Hosts with a Kafka node only: the third vote of two regions. */
  witnesses: z.array(z.strictObject({ ...place, kafka: kafkaNodeSchema })).default([]),
  /** Name → address, for machines whose resolver does not know the hosts above. */
  hosts: z.record(z.string(), z.ipv4()).default({}),
  /** Proposed to the control log, which decides. */
  policy: policySchema,
  durability: z
    .strictObject({
      default: z.enum(['async', 'logged', 'semi-sync', 'sync']).default('semi-sync'),
      /** When K members do not confirm: commits wait, or fewer are asked after a while. */
      whenUnconfirmed: z.enum(['block', 'degrade']).default('block'),
      degradeAfterMs: durationMs.default(10_000),
      /** Whom a sync COMMIT waits for: the members, or all configured regions. */
      syncRequires: z.enum(['members', 'regions']).default('members'),
    })
    .prefault({}),
  /** Copies of a node for another region or a standby: bounded, they leave the source its disk. */
  seed: z
    .strictObject({
      kilobytesPerSecondMax: z.int().min(32).max(1_048_576).nullable().default(null),
    })
    .default({ kilobytesPerSecondMax: null }),
  /** plain: loopback addresses only; tls: every link authenticated by certificates, encrypted. */
  security: z.strictObject({ mode: z.enum(['plain', 'tls']) }).default({ mode: 'plain' }),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']) })
    .default({ level: 'info' }),
});

export type ClusterBase = z.infer<typeof clusterSchema>;
export type RegionConfig = z.infer<typeof regionSchema>;
/** A host with a Kafka node: that of a region or of a witness. */
export type KafkaPlace = ClusterBase['witnesses'][number];

/** `host:port` of the broker of a region or witness. */
export function brokerAddress({ host, kafka }: KafkaPlace): string {
  return `${kafka.host ?? host}:${String(kafka.clientPort)}`;
}

/** Every Kafka node of the cluster, those of regions first. */
export function kafkaPlaces(cluster: Pick<ClusterBase, 'regions' | 'witnesses'>): KafkaPlace[] {
  return [...cluster.regions, ...cluster.witnesses];
}

/** The configuration of region `id`; throws RangeError when the cluster file does not know it. */
export function regionOfConfig(cluster: ClusterBase, id: RegionId): RegionConfig {
  const region = cluster.regions.find((candidate) => candidate.id === id);
  if (region === undefined) throw new RangeError(`the cluster file knows no region ${id}`);
  return region;
}
