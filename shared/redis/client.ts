/** Connections to the region's Redis. Losing it degrades; it never stops a request. */
import { Redis } from 'ioredis';
import { clientTls, refusalOf } from '../runtime/link-security.ts';

export type RedisClient = Redis;

/** The one user of a secured Redis; the user `default` is off there. */
export const redisUser = 'meridian';

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

/** A client that reconnects by itself and fails commands within a second while it is away. */
export function connectRedis(target: RedisTarget): RedisClient {
  const secured = clientTls('redis', target.host);
  const client = new Redis({
    ...target,
    ...(secured === null ? {} : { username: redisUser, tls: secured }),
    lazyConnect: true,
    connectTimeout: 1000,
    commandTimeout: 1000,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    retryStrategy: (tries) => Math.min(200 * tries, 2000),
  });
  client.on('error', (error) => void refusalOf('redis', error));
  void client.connect().catch(() => undefined);
  return client;
}
