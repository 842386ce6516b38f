/** Where a region's Redis is and how to log in: its own, or one that the cluster file names. */
import type { ClusterBase, RegionConfig } from '../config/cluster-schema.ts';
import type { Secrets } from '../config/secrets-schema.ts';
import { serverNameOf } from '../runtime/link-security.ts';
import type { RedisTarget } from './client.ts';

export interface RedisPlace {
  readonly cluster: Pick<ClusterBase, 'clusterId'>;
  readonly region: RegionConfig;
  readonly secrets: Pick<Secrets, 'own'>;
}

export function redisTargetOf({ cluster, region, secrets }: RedisPlace): RedisTarget {
  const { port, external } = region.redis;
  const { redisPassword, external: chosen } = secrets.own;
  if (external === undefined) return { host: region.host, port, password: redisPassword };
  const { host, user: username, tls, authority: ca } = external;
  const secured = {
    ...(ca === undefined ? {} : { ca }),
    ...serverNameOf(host),
  };
  const keyPrefix = `meridian:${cluster.clusterId}:${region.id}:`;
  return {
    ...{ host, port, password: chosen?.redisPassword ?? '' },
    external: { username, tls: tls ? secured : undefined, keyPrefix },
  };
}
