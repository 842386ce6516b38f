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
  }),
});

export type KeySet = z.infer<typeof keySetSchema>;
export type Secrets = z.infer<typeof secretsSchema>;
