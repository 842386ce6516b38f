/**
 * The replicator: log out in the primary region, log in everywhere else. It does what the region's
 * controller directs, reports how far it has got, and serves region links. It decides nothing about
 * epochs or members.
 */
import type { ReplicatorConfig } from './config.ts';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { Service } from '../../shared/http/service.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DataLog } from '../../shared/ports/data-log.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../../shared/ports/replication-status.ts';
import { Replication } from './io/replication.ts';
import { LinkServer } from './io/link-server.ts';

export interface ReplicatorDependencies {
  readonly config: ReplicatorConfig;
  readonly secrets: Secrets;
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly regionControl: RegionControl;
  readonly dataLog: DataLog;
}

export interface ReplicatorService extends Service, ReplicationStatus {}

/** Builds the service; nothing runs before `start`. */
export function createReplicatorService(dependencies: ReplicatorDependencies): ReplicatorService {
  const { secrets, cluster, logger } = dependencies;
  const replication = new Replication(dependencies);
  const server = new LinkServer({
    clusterId: cluster.clusterId,
    peerKeys: secrets.shared.peerKeys,
    logger,
    source: replication.linkSource,
  });
  replication.isInbound = (peer) => server.isConnected(peer);
  return {
    plugins: { peer: server.plugin },
    start: async () => replication.start(),
    drain: async () => undefined,
    async stop() {
      server.stop();
      await replication.stop();
    },
    readiness: async () => readinessOf(replication),
    report: () => replication.report(),
    onChange: (listener) => replication.onChange(listener),
    lastRecordAtOrBelow: (lsn, waitMs) => replication.lastRecordAtOrBelow(lsn, waitMs),
    holders: (position) => replication.holders(position),
    unreleasedXids: async (upTo) => replication.unreleasedXids(upTo),
  };
}

function readinessOf(replication: Replication): Readiness {
  const { directive, phase, why } = replication.report();
  const detail = `${directive.kind}: ${phase}${why === '' ? '' : ` (${why})`}`;
  const check = { name: 'replication', ok: phase !== 'failed', degradedOnly: true, detail };
  return { ready: true, checks: [check] };
}
