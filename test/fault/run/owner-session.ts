/** What a person with the superuser's password does at a region's own node. */
import { withPg, type PgClient } from '../../../shared/pg/client.ts';
import type { TestCluster } from '../../helpers/cluster.ts';

/** Runs `work` as Meridian's owner on the node `id`, e.g. `pg-1`, of `region`. */
export function asOwner<T>(
  cluster: TestCluster,
  { region, node }: { readonly region: string; readonly node: string },
  work: (client: PgClient) => Promise<T>,
): Promise<T> {
  const { bind, nodes } = cluster.region(region);
  const port = nodes.find(({ id }) => id.endsWith(node))?.port;
  if (port === undefined) throw new RangeError(`${region} has no node ${node}`);
  const password = cluster.secrets(region).shared.postgres.owner;
  const who = { user: 'meridian_owner', password, applicationName: 'fault' };
  const options = '-c synchronous_commit=local -c event_triggers=off';
  const { database } = cluster.config;
  return withPg({ ...who, options, host: bind, port, database }, work);
}
