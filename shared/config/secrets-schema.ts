/** The secrets file of one region (mode 0600): values shared by all regions and own ones. */
import { z } from 'zod';
import { regionIdSchema } from './cluster-schema.ts';

const secret = z.string().min(16).max(512);

/** A set of keys: one signs, all verify. Values are base64 of at least 32 random bytes. */
export const keySetSchema = z
  .strictObject({ signWith: z.string().min(1), keys: z.record(z.string().min(1), secret) })
  .refine((set) => set.signWith in set.keys, {
    error: 'signWith must name one of keys',
    path: ['signWith'],
  });

const pem = z.string().includes('-----BEGIN ').max(16_384);

/** A certificate of the cluster's own authority with its key, as PEM. */
const certificateSchema = z.strictObject({ certificate: pem, key: pem });

export const secretsSchema = z.strictObject({
  version: z.literal(1),
  region: regionIdSchema,
  shared: z.strictObject({
    /** Data and admin bearer tokens (JWT, HS256). */
    accessKeys: keySetSchema,
    /** Position tokens. */
    positionKeys: keySetSchema,
    /** Calls between processes and regions. */
    peerKeys: keySetSchema,
    /** Certificates of the cluster's own authority; two while it is replaced. For mode tls. */
    authority: pem.optional(),
    postgres: z.strictObject({
      owner: secret,
      replicator: secret,
      applier: secret,
      router: secret,
      /** Password of the login role `app`, which owns the application's schemas at first. */
      app: secret,
    }),
  }),
  own: z.strictObject({
    redisPassword: secret,
    /** Between the node agent and the region's controller and CLI. */
    agentToken: secret,
    /** For mode tls: of Meridian's processes and PostgreSQL and Redis, and of the Kafka node. */
    certificates: z
      .strictObject({ region: certificateSchema, broker: certificateSchema })
      .optional(),
    /** Passwords of parts that Meridian did not start; others chose them. */
    external: z
      .strictObject({
        redisPassword: z.string().min(1).max(512).optional(),
        kafkaPassword: z.string().min(1).max(512).optional(),
      })
      .optional(),
  }),
});

/** The secrets file of a witness: it can take part in the log, and read or sign nothing else. */
export const witnessSecretsSchema = z.strictObject({
  version: z.literal(1),
  witness: regionIdSchema,
  /** For mode tls. */
  authority: pem.optional(),
  broker: certificateSchema.optional(),
});

export type WitnessSecrets = z.infer<typeof witnessSecretsSchema>;
export type KeySet = z.infer<typeof keySetSchema>;
export type Secrets = z.infer<typeof secretsSchema>;
