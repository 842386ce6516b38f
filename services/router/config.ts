/** The `router` section of the cluster file. */
import { z } from 'zod';

const durationMs = z.int().min(1).max(3_600_000);
const count = z.int().min(1).max(1_000_000);

export const readAlgorithms = [
  'round-robin',
  'weighted-round-robin',
  'least-connections',
  'lowest-latency',
] as const;

const readsSchema = z.strictObject({
  algorithm: z.enum(readAlgorithms).default('round-robin'),
  /** Node id → weight; nodes not named weigh 1, the primary's own node 0. */
  weights: z.record(z.string(), z.number().min(0).max(1000)).default({}),
  /** Where a session read with a token goes when a replica is proven past it. */
  readAfterWrite: z.enum(['caught-up', 'primary']).default('caught-up'),
  /** How long a session read waits for a node to reach its token before it goes to the primary. */
  sessionWaitMs: z.int().min(0).max(60_000).default(50),
});

const healthSchema = z.strictObject({
  intervalMs: durationMs.default(100),
  timeoutMs: durationMs.default(2000),
  unhealthyAfter: count.default(3),
  healthyAfter: count.default(2),
  /** A node that came back takes a growing share of reads for so long. */
  slowStartMs: z.int().min(0).max(3_600_000).default(5000),
});

const poolsSchema = z.strictObject({
  /** Connections to one node, all PostgreSQL roles together. */
  connectionsMax: count.default(40),
  /** Connections to one node that one PostgreSQL role may hold. */
  connectionsMaxPerRole: count.default(32),
  /**
   * How long a request queues for a connection: as long as it may take by default, for those that
   * were held during a change of primary all come at once.
   */
  queueTimeoutMs: durationMs.default(10_000),
  /** Requests that may queue for one node. */
  queueMax: count.default(1000),
  connectTimeoutMs: durationMs.default(2000),
  idleTimeoutMs: durationMs.default(60_000),
});

const limitsSchema = z.strictObject({
  /** Requests under way in this process; more are refused. */
  inFlightMax: count.default(2000),
  bodyBytesMax: count.default(1_000_000),
  sqlBytesMax: count.default(500_000),
  statementsMax: count.default(1000),
  parametersMax: z.int().min(1).max(65_535).default(10_000),
  /** Rows of one result; more are cut off, and the reply says so. Streams have no such limit. */
  rowsMax: count.default(10_000),
  /** Bytes of rows that one reply holds in memory; what is beyond is cut off. */
  replyBytesMax: z.int().min(10_000).max(1_000_000_000).default(32_000_000),
  /** A client that takes its reply more slowly than this, after its deadline, is cut off. */
  replyMsMax: durationMs.default(60_000),
  deadlineMsDefault: durationMs.default(10_000),
  deadlineMsMax: durationMs.default(300_000),
});

/** Interactive transactions: each holds a connection to the primary's node until it ends. */
const transactionsSchema = z.strictObject({
  /** Open at once in this process; less than `pools.connectionsMax`, so that others go on. */
  openMax: count.default(24),
  openMaxPerCaller: count.default(16),
  /** Rolled back when no call came for so long. */
  idleTimeoutMs: durationMs.default(10_000),
  /** Rolled back so long after its BEGIN, whatever it does. */
  lifetimeMsMax: durationMs.default(300_000),
  /** How long a stopping process waits for them to end by themselves. */
  drainMs: z.int().min(0).max(60_000).default(3000),
});

const authSchema = z.strictObject({
  /** An identity provider whose tokens are taken beside Meridian's own. */
  jwt: z
    .strictObject({
      jwksUrl: z.url(),
      issuer: z.string().min(1),
      audience: z.string().min(1),
      /** Claims that name the PostgreSQL role and the scopes. */
      roleClaim: z.string().min(1).default('role'),
      scopeClaim: z.string().min(1).default('scope'),
      /** Unknown key ids make the keys be fetched again, at most so often. */
      cooldownMs: durationMs.default(30_000),
    })
    .optional(),
  apiKeys: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(64),
        /** SHA-256 of the key, in hexadecimal. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be 64 hexadecimal digits' }),
        role: z.string().min(1).max(63).default('app'),
        scopes: z.array(z.enum(['data:read', 'data:write'])).min(1),
      }),
    )
    .default([]),
});

/** Position tokens also as a cookie, for browsers that call the data API themselves. */
const positionCookieSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be letters, digits, _ or -' })
    .default('meridian-position'),
  secure: z.boolean().default(true),
  sameSite: z.enum(['Strict', 'Lax', 'None']).default('Lax'),
  domain: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,253}$/, { error: 'must be a domain name' })
    .optional(),
  maxAgeSeconds: z.int().min(1).max(31_536_000).default(86_400),
});

export const routerConfigSchema = z.strictObject({
  /** Path prefix of the data API on the public listener, e.g. /data; empty: /v1/…. */
  pathPrefix: z
    .string()
    .regex(/^(\/[a-z0-9-]+)*$/, { error: 'must be empty or a path without a trailing slash' })
    .default(''),
  auth: authSchema.prefault({}),
  positionCookie: positionCookieSchema.optional(),
  reads: readsSchema.prefault({}),
  health: healthSchema.prefault({}),
  pools: poolsSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  transactions: transactionsSchema.prefault({}),
  /** How long a request for the primary is held while the primary changes. */
  holdMs: durationMs.default(15_000),
  /** How a strong read proves that its primary is still the one: by the lease, or by asking. */
  strongReads: z.enum(['lease', 'quorum']).default('lease'),
  /** How long the reply under an Idempotency-Key is kept. */
  keyKeepMs: z.int().min(60_000).default(86_400_000),
  keyExpiryIntervalMs: durationMs.default(600_000),
  /** How often a region that is not primary asks the primary for its time and position. */
  freshnessIntervalMs: durationMs.default(250),
  /** How long the primary waits until everything up to a token is visible there. */
  tokenWaitMs: durationMs.default(5000),
  /** How long a reply waits for the position of its own commit before it carries a bound. */
  positionWaitMs: z.int().min(0).max(10_000).default(100),
});

export type RouterConfig = z.infer<typeof routerConfigSchema>;
export type ReadAlgorithm = (typeof readAlgorithms)[number];

/** How much of a reply's rows is kept in memory. */
export function keptRows(limits: RouterConfig['limits']): {
  readonly rowsMax: number;
  readonly bytesMax: number;
} {
  return { rowsMax: limits.rowsMax, bytesMax: limits.replyBytesMax };
}
