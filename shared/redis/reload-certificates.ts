/** Has a running Redis read its certificate files anew; its connections go on. */
import { Redis } from 'ioredis';
import { clientTls, refusalOf } from '../runtime/link-security.ts';
import type { RedisTarget } from './client.ts';

/** May change settings and nothing else. */
export const redisAgentUser = 'agent';

const deadlineMs = 2000;

/** Throws when Redis does not answer or cannot use the files. */
export async function reloadRedisCertificates(
  target: RedisTarget,
  certificateFile: string,
): Promise<void> {
  const secured = clientTls('redis', target.host);
  const client = new Redis({
    ...target,
    username: redisAgentUser,
    ...(secured === null ? {} : { tls: secured }),
    lazyConnect: true,
    connectTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  client.on('error', (error) => void refusalOf('redis', error));
  try {
    await client.connect();
    // Any of the TLS settings loads all files again, also when its value stays the same.
    await client.config('SET', 'tls-cert-file', certificateFile);
  } finally {
    client.disconnect();
  }
}
