/**
 * The replicator: log out in the primary region, log in everywhere else. It does what the region's
 * controller directs, reports how far it has got, and serves region links. It decides nothing about
 * epochs or members.
 */
import type { Service } from '../../shared/http/service.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import type { ReplicationStatus } from '../../shared/ports/replication-status.ts';
import { linkRoutes } from './http/link-routes.ts';
import type { ReplicatorDependencies } from './io/dependencies.ts';
import { Replication } from './io/replication.ts';
import { LinkServer } from './io/link/link-server.ts';

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
    plugins: { peer: linkRoutes((http) => server.attach(http)) },
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
