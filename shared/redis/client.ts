/** Connections to the region's Redis. Losing it degrades; it never stops a request. */
import { Redis } from 'ioredis';

export type RedisClient = Redis;

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

/** A client that reconnects by itself and fails commands within a second while it is away. */
export function connectRedis(target: RedisTarget): RedisClient {
  const client = new Redis({
    ...target,
    lazyConnect: true,
    connectTimeout: 1000,
    commandTimeout: 1000,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    retryStrategy: (tries) => Math.min(200 * tries, 2000),
  });
  client.on('error', () => undefined);
  void client.connect().catch(() => undefined);
  return client;
}
