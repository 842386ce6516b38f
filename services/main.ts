/**
 * The only process entry and composition root: makes the services of this process and gives each
 * one what it needs, the object itself where it is in this process, an HTTP client of it where it
 * runs in another process of the region.
 */
import type { Compose, Composition, CompositionInputs } from './composition.ts';
import { createFailoverService, type FailoverService } from './failover/service.ts';
import { createGatewayService, type GatewayService } from './gateway/service.ts';
import { listenerPorts } from './listeners.ts';
import { runProcess } from './process.ts';
import { createReplicatorService, type ReplicatorService } from './replicator/service.ts';
import { createRouterService } from './router/service.ts';
import { installRevocations } from '../shared/auth/revocations.ts';
import { requirePeer } from '../shared/auth/require-scope.ts';
import {
  brokerAddress,
  regionOfConfig,
  type RegionConfig,
  type ServiceName,
} from '../shared/config/cluster-schema.ts';
import { assert } from '../shared/core/assert.ts';
import { regionControlRoutes, replicationStatusRoutes } from '../shared/http/control-routes.ts';
import type { HealthCheck } from '../shared/http/health-routes.ts';
import { createPeerClient, type PeerClient } from '../shared/http/peer-client.ts';
import {
  followRegionControl,
  followReplicationStatus,
  type RemoteOptions,
} from '../shared/http/remote-control.ts';
import type { Plugin, Service } from '../shared/http/service.ts';
import { createDataLog, type DataLogConnection } from '../shared/kafka/data-log.ts';
import { dataTopicOf } from '../shared/kafka/topic.ts';
import type { RegionControl } from '../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../shared/ports/replication-status.ts';
import { connectRedis, type RedisClient } from '../shared/redis/client.ts';
import { redisTargetOf } from '../shared/redis/target.ts';
import { internalOrigin } from '../shared/runtime/link-security.ts';
import { systemClock as clock } from '../shared/runtime/system-clock.ts';
import { withDeadline } from '../shared/runtime/sleep.ts';

/** Kafka has answered within this time, or is listed as degraded. */
const kafkaSilenceMs = 2000;
const redisAnswerMs = 1000;

const compose: Compose = async (inputs) => {
  const { options, cluster, secrets, logger, metrics } = inputs;
  const region = regionOfConfig(cluster, options.region);
  const has = (name: ServiceName): boolean => options.services.includes(name);
  const stop = new AbortController();
  const client = peerClientOf(inputs);
  const remote = (name: ServiceName): RemoteOptions => ({
    origin: peerOrigin(region, name),
    client,
    clock,
    logger,
    signal: stop.signal,
  });
  const base = { cluster, secrets, region: region.id, clock, logger, metrics };
  const made = new Map<ServiceName, Service>();

  let replicator: ReplicatorService | null = null;
  let failover: FailoverService | null = null;
  let gateway: GatewayService | null = null;
  const view = (): ReturnType<RegionControl['view']> => regionControl.view();
  const replicationStatus: ReplicationStatus = has('replicator')
    ? lateReplicationStatus(() => replicator)
    : followReplicationStatus(remote('replicator'), view);
  if (has('failover')) {
    failover = createFailoverService({ ...base, config: cluster.failover, replicationStatus });
    made.set('failover', failover);
  }
  const regionControl: RegionControl = failover ?? (await followRegionControl(remote('failover')));
  followRevocations(regionControl);
  const dataLog = has('replicator') ? dataLogOf(inputs, region) : null;
  if (dataLog !== null) {
    const own = { config: cluster.replicator, regionControl, dataLog };
    replicator = createReplicatorService({ ...base, ...own });
    made.set('replicator', replicator);
  }
  if (has('router')) {
    const own = { config: cluster.router, regionControl, replicationStatus };
    made.set('router', createRouterService({ ...base, ...own }));
  }
  const redis = connectRedis(redisTargetOf({ cluster, region, secrets }));
  if (has('gateway')) {
    const dataApiPrefix = has('router') ? null : `${cluster.router.pathPrefix}/v1`;
    const own = { config: cluster.gateway, regionControl, redis, dataApiPrefix };
    gateway = createGatewayService({ ...base, ...own });
    made.set('gateway', gateway);
  }

  const peer = requirePeer(cluster.clusterId, secrets.shared.peerKeys);
  const peerPlugins: Plugin[] = [];
  if (failover !== null) peerPlugins.push(regionControlRoutes(failover, clock, peer));
  if (replicator !== null) peerPlugins.push(replicationStatusRoutes(replicator, peer));
  return {
    services: [...made].map(([name, service]) => ({ name, service })),
    extraPlugins: { public: [], admin: [], peer: peerPlugins },
    sharedChecks: () => sharedChecks(redis, dataLog),
    regionControl: () => regionControl,
    reload: (changed) => gateway?.reload(changed.gateway),
    close: async () => {
      stop.abort();
      redis.disconnect();
      dataLog?.close();
      await client.close();
    },
  } satisfies Composition;
};

function followRevocations(control: RegionControl): void {
  const take = (): void => installRevocations(control.view().revoked);
  control.onChange(take);
  take();
}

/** The replicator needs the controller and the controller the replicator: this ties the knot. */
function lateReplicationStatus(replicator: () => ReplicatorService | null): ReplicationStatus {
  const made = (): ReplicatorService => {
    const service = replicator();
    assert(service !== null, 'the replicator is asked before it was made');
    return service;
  };
  return {
    report: () => made().report(),
    onChange: (listener) => made().onChange(listener),
    lastRecordAtOrBelow: (lsn, waitMs) => made().lastRecordAtOrBelow(lsn, waitMs),
    holders: (position) => made().holders(position),
    unreleasedXids: (upTo) => made().unreleasedXids(upTo),
  };
}

function peerClientOf({ cluster, options, secrets }: CompositionInputs): PeerClient {
  const { clusterId } = cluster;
  return createPeerClient({
    region: options.region,
    clusterId,
    peerKeys: secrets.shared.peerKeys,
  });
}

/** Where the process of this region that has the service listens for its peers. */
function peerOrigin(region: RegionConfig, service: ServiceName): string {
  return internalOrigin(region.host, listenerPorts(region, [service]).peer);
}

function dataLogOf(
  { cluster, logger }: CompositionInputs,
  region: RegionConfig,
): DataLogConnection {
  return createDataLog({
    brokers: [brokerAddress(region)],
    clientId: `meridian-${region.id}-data-log`,
    topic: dataTopicOf(cluster.cell, region.id),
    logger,
    clock,
  });
}

async function sharedChecks(
  redis: RedisClient,
  dataLog: DataLogConnection | null,
): Promise<readonly HealthCheck[]> {
  const checks = [await redisCheck(redis)];
  if (dataLog === null) return checks;
  const silentMs = Math.round(clock.monotonicMs() - dataLog.lastHeardMs());
  const detail = `last answer ${silentMs} ms ago`;
  return [...checks, { name: 'kafka', ok: silentMs < kafkaSilenceMs, degradedOnly: true, detail }];
}

async function redisCheck(redis: RedisClient): Promise<HealthCheck> {
  const startedMs = clock.monotonicMs();
  const answer = withDeadline(redis.ping(), redisAnswerMs, () => new Error('no answer'));
  const ok = await answer.then(
    () => true,
    () => false,
  );
  const tookMs = Math.round(clock.monotonicMs() - startedMs);
  const detail = ok ? `answered in ${tookMs} ms` : 'does not answer';
  return { name: 'redis', ok, degradedOnly: true, detail };
}

runProcess(compose);
