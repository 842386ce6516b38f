/**
 * Parts that run already and that Meridian uses instead of starting its own: where they are and
 * how their connections are secured. Passwords are in the secrets file, below `own.external`.
 */
import { z } from 'zod';

const onThisMachine = /^(127(\.\d{1,3}){1,3}|localhost|::1)$/;

/** Whether `host` is reached without a network. */
export function isLoopback(host: string): boolean {
  return onThisMachine.test(host);
}

const authority = z.string().includes('-----BEGIN CERTIFICATE-----').max(65_536);

/** `regions.<n>.redis.external`; its port is `regions.<n>.redis.port`. */
export const externalRedisSchema = z
  .strictObject({
    host: z.string().min(1).max(253),
    /** The ACL user; absent: Redis's user `default`. */
    user: z.string().min(1).max(128).optional(),
    /** Its certificate must be valid for `host`. False on this machine only. */
    tls: z.boolean().default(true),
    /** Whom its certificate must be signed by, as PEM; absent: who the system trusts. */
    authority: authority.optional(),
  })
  .refine(({ host, tls }) => tls || isLoopback(host), {
    error: 'without TLS it must be on this machine (127.x, ::1 or localhost)',
    path: ['tls'],
  });

export type ExternalRedis = z.infer<typeof externalRedisSchema>;

/**
 * `kafka.external`: one Kafka cluster that runs already, with a broker in every region and, where
 * there are two, a third in `witnesses`. Each `kafka` section says where its broker is.
 */
export const externalKafkaSchema = z.strictObject({
  /** SCRAM or PLAIN; absent: whoever connects may do what Meridian does. */
  user: z.string().min(1).max(128).optional(),
  mechanism: z.enum(['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN']).default('SCRAM-SHA-512'),
  /** Each broker's certificate must be valid for its host. False on this machine only. */
  tls: z.boolean().default(true),
  authority: authority.optional(),
});

export type ExternalKafka = z.infer<typeof externalKafkaSchema>;
