/** How Meridian's roles reach a PostgreSQL node of the own region. */
import { regionOfConfig } from '../../../shared/config/cluster-schema.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { PgTarget } from '../../../shared/pg/client.ts';
import type { ReplicatorDependencies } from './dependencies.ts';

export type NodeTarget = Omit<PgTarget, 'applicationName' | 'options'>;

/** Throws when the cluster file knows no such node, or none is named. */
export function nodeTarget(
  { cluster, region, secrets }: Pick<ReplicatorDependencies, 'cluster' | 'region' | 'secrets'>,
  node: NodeId | null,
  role: 'meridian_applier' | 'meridian_replicator',
): NodeTarget {
  const own = regionOfConfig(cluster, region);
  const port = own.nodes.find(({ id }) => id === node)?.port;
  if (port === undefined) throw new Error('the controller names no node of this region yet');
  const { applier, replicator } = secrets.shared.postgres;
  const password = role === 'meridian_applier' ? applier : replicator;
  return { host: own.host, port, database: cluster.database, user: role, password };
}
