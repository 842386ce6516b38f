/** Connections to the region's Redis. Losing it degrades; it never stops a request. */
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { clientTls, refusalOf } from '../runtime/link-security.ts';

export type RedisClient = Redis;

/** The one user of a secured Redis; the user `default` is off there. */
export const redisUser = 'meridian';

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** How to log in to a Redis that Meridian did not start. */
  readonly external?: ExternalAccess;
}

export interface ExternalAccess {
  readonly username: string | undefined;
  readonly tls: Pick<ConnectionOptions, 'servername' | 'ca'> | undefined;
  /** Before every key: others may use the same server. */
  readonly keyPrefix: string;
}

/** A client that reconnects by itself and fails commands within a second while it is away. */
export function connectRedis(target: RedisTarget): RedisClient {
  const { host, port, password } = target;
  const client = new Redis({
    ...{ host, port, password },
    ...accessTo(target),
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

interface Access {
  readonly username?: string;
  readonly tls?: ConnectionOptions;
  readonly keyPrefix?: string;
}

function accessTo({ host, external }: RedisTarget): Access {
  if (external !== undefined) {
    const { username, tls, keyPrefix } = external;
    const named = username === undefined ? {} : { username };
    return { keyPrefix, ...named, ...(tls === undefined ? {} : { tls }) };
  }
  const secured = clientTls('redis', host);
  return secured === null ? {} : { username: redisUser, tls: secured };
}
