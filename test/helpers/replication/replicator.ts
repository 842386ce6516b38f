/** Replicators of a hand-driven cluster: real PostgreSQL and Kafka, directives set by the test. */
import { once } from 'node:events';
import { pino } from 'pino';
import { replicatorConfigSchema } from '../../../services/replicator/config.ts';
import {
  createReplicatorService,
  type ReplicatorService,
} from '../../../services/replicator/service.ts';
import { clusterSchema, type ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import { noEpoch } from '../../../shared/core/epoch.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { createServer } from '../../../shared/http/server.ts';
import { dataTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { createDataLog } from '../../../shared/kafka/data-log.ts';
import { dataTopicOf, type TopicTarget } from '../../../shared/kafka/topic.ts';
import { createMetrics } from '../../../shared/metrics/metrics.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { eventually } from '../eventually.ts';
import { HandControl, handView } from '../hand-driven.ts';
import { testPassword } from '../postgres.ts';
import type { HandCertificates } from './hand-security.ts';

export interface ReplicatorSpec {
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly brokers: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** Mode tls. */
  readonly certified?: HandCertificates;
}

export interface RunningReplicator {
  readonly region: RegionId;
  readonly control: HandControl;
  readonly service: ReplicatorService;
  stop(): Promise<void>;
}

const key = Buffer.alloc(32, 7).toString('base64');

/**
 * A cluster file whose regions live at the given addresses: PostgreSQL 5432, peer listener 7082.
 */
export function handCluster(
  regions: Readonly<Record<string, string>>,
  mode: ClusterBase['security']['mode'] = 'plain',
): ClusterBase {
  return clusterSchema.parse({
    version: 1,
    clusterId: '3f6d2a4e-6f0b-4c39-9a42-0d6d1f0f7a11',
    kafka: { clusterId: 'MkU3OEVBNTcwNTJENDM2Qk' },
    security: { mode },
    policy: { priority: Object.keys(regions) },
    regions: Object.entries(regions).map(([id, address], index) => ({
      id,
      name: id,
      host: address,
      bind: address,
      location: { latitude: 0, longitude: 0 },
      listeners: { public: 7080, admin: 7081, peer: 7082 },
      agentPort: 7083,
      kafka: {
        nodeId: index + 1,
        directoryId: 'AAAAAAAAQACAAAAAAAAAAQ',
        isVoter: true,
        clientPort: 9092,
        brokerPort: 9093,
        controllerPort: 9094,
      },
      redis: { port: 6379 },
      nodes: [{ id: `${id}/pg-1`, port: 5432 }],
    })),
  });
}

/** Makes the region's topic, starts its replicator and its peer listener. */
export async function startReplicator(spec: ReplicatorSpec): Promise<RunningReplicator> {
  const { cluster, region } = spec;
  const level = process.env['TEST_LOG'] ?? 'silent';
  const logger = pino({ level, base: { region } });
  const target: TopicTarget = {
    brokers: spec.brokers,
    clientId: `meridian-${region}`,
    topic: dataTopicOf(cluster.cell, region),
    logger,
    clock: systemClock,
  };
  // The broker may be too busy to show a topic at once; a region's controller tries again, too.
  const made = async (): Promise<boolean> =>
    ensureTopic(target, dataTopicShape(1)).then(
      () => true,
      () => false,
    );
  await eventually(made, { deadlineMs: 60_000, intervalMs: 200 });
  const dataLog = createDataLog(target);
  const primary = cluster.regions[0]?.id ?? region;
  const control = new HandControl({
    ...handView(cluster, { region, primary }),
    epoch: noEpoch,
    primary: null,
    isOpen: false,
  });
  const service = createReplicatorService({
    config: replicatorConfigSchema.parse(spec.config ?? {}),
    secrets: handSecrets(region, spec.certified),
    cluster,
    region,
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    regionControl: control,
    dataLog,
  });
  const server = createServer({
    ...{ logger, bodyBytesMax: 1024 * 1024, requestTimeoutMs: 10_000, link: 'peer' },
  });
  if (service.plugins.peer !== undefined) await server.register(service.plugins.peer);
  const own = cluster.regions.find(({ id }) => id === region);
  await server.listen({ host: own?.bind ?? '127.0.0.1', port: own?.listeners.peer ?? 7082 });
  await service.start();
  return {
    region,
    control,
    service,
    async stop() {
      await service.stop();
      dataLog.close();
      await server.close();
    },
  };
}

export function handSecrets(region: RegionId, certified?: HandCertificates): Secrets {
  const keys = { signWith: 'a', keys: { a: key } };
  const password = testPassword;
  return {
    version: 1,
    region,
    shared: {
      ...{ accessKeys: keys, positionKeys: keys, peerKeys: keys },
      postgres: {
        ...{ owner: password, replicator: password, applier: password },
        ...{ router: password, app: password },
      },
      ...(certified === undefined ? {} : { authority: certified.authority }),
    },
    own: {
      ...{ redisPassword: password, agentToken: password },
      ...(certified === undefined ? {} : { certificates: certified.certificates }),
    },
  };
}

/** Resolves when the emitter says `event`. */
export async function heard(emitter: NodeJS.EventEmitter, event: string): Promise<void> {
  await once(emitter, event);
}
