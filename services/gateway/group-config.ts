/** An upstream group of the gateway section: instances, balancing, checks, limits. */
import { z } from 'zod';
import { regionIdSchema } from '../../shared/config/cluster-schema.ts';
import { cidr, count, durationMs, share } from './config-values.ts';

const targetSchema = z.strictObject({
  /** `{host}` stands for the host name of the region that uses the target. */
  url: z.string().regex(/^https?:\/\/(\{host\}|[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/, {
    error: 'must read http://host:port, without a path',
  }),
  weight: z.number().min(0).max(1000).default(1),
  /** Regions whose gateways use this target; none named: all. */
  regions: z.array(regionIdSchema).default([]),
  zone: z.string().max(64).optional(),
  /** What it can do; routes may ask for it. */
  capabilities: z.array(z.string().min(1).max(64)).default([]),
});

const activeCheckSchema = z.strictObject({
  kind: z.enum(['http', 'tcp', 'none']).default('http'),
  path: z.string().startsWith('/').default('/'),
  intervalMs: durationMs.default(2000),
  timeoutMs: durationMs.default(1000),
  healthyAfter: count.default(2),
  unhealthyAfter: count.default(3),
});

const passiveCheckSchema = z.strictObject({
  /** Consecutive 5xx, connection errors or time-outs that eject an instance. */
  consecutiveFailures: count.default(5),
  /** An instance whose share of good replies is this far below the others' is ejected too. */
  successMargin: share.default(0.2),
  /** How often that is looked at, and how many replies it takes to be judged. */
  successMs: durationMs.default(5000),
  successCallsMin: count.default(50),
  ejectionMs: durationMs.default(5000),
  ejectionMsMax: durationMs.default(60_000),
  /** At most this share of a group is ejected at once. */
  ejectedShareMax: share.default(0.67),
  /** Silence of an instance with waiting requests after which it is asked whether it lives. */
  stallMs: durationMs.default(300),
});

const breakerSchema = z.strictObject({
  /** Failures in a row that open it. */
  failures: count.default(5),
  /** Or this share of the last `window` calls, once there were `callsMin`. */
  failureRate: share.default(0.5),
  window: count.default(100),
  callsMin: count.default(20),
  openMs: durationMs.default(30_000),
  /** Calls let through at once while half-open, and successes that close it. */
  probes: count.default(3),
  successes: count.default(2),
});

const concurrencySchema = z.strictObject({
  /** Requests under way at most; the adaptive limit moves between the two. */
  min: count.default(10),
  max: count.default(1000),
  /** Grows while latency stays below this multiple of its usual value, shrinks above. */
  tolerance: z.number().min(1).max(10).default(2),
});

export const groupSchema = z.strictObject({
  algorithm: z
    .enum([
      ...(['round-robin', 'weighted-round-robin', 'random', 'hybrid'] as const),
      ...(['least-connections', 'consistent-hash', 'adaptive'] as const),
    ])
    .default('adaptive'),
  /** What consistent hashing hashes. */
  hashKey: z
    .string()
    .regex(/^(address|path|header:[a-z0-9-]+|cookie:[A-Za-z0-9_-]+)$/, {
      error: 'must be address, path, header:<name> or cookie:<name>',
    })
    .default('address'),
  targets: z.array(targetSchema).max(1000).default([]),
  /** Instances that register themselves in the region's Redis under the group's name. */
  registry: z
    .strictObject({ enabled: z.boolean().default(false), networks: z.array(cidr).default([]) })
    .prefault({}),
  /** How often host names of targets are looked up; each address is an instance. 0: never. */
  dnsMs: z.int().min(0).max(3_600_000).default(0),
  /** Instances of this zone come first. */
  zone: z.string().max(64).optional(),
  /** Connections to an instance, so requests at it at once; the others wait `connectMs`. */
  connectionsMax: count.default(1024),
  /** Longest wait for a connection, a new one or one that others use. */
  connectMs: durationMs.default(1000),
  slowStartMs: z.int().min(0).max(3_600_000).default(10_000),
  activeCheck: activeCheckSchema.prefault({}),
  passiveCheck: passiveCheckSchema.prefault({}),
  breaker: breakerSchema.prefault({}),
  /** Requests under way at once, whatever the upstreams can take: a bulkhead to other groups. */
  requestsMax: count.default(10_000),
  concurrency: concurrencySchema.optional(),
});

export type GroupConfig = z.infer<typeof groupSchema>;
