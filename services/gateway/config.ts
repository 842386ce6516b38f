/** The `gateway` section of the cluster file: routes, upstream groups, trust, region policies. */
import { z } from 'zod';
import { regionIdSchema } from '../../shared/config/cluster-schema.ts';

const durationMs = z.int().min(1).max(86_400_000);
const count = z.int().min(1).max(100_000);
const share = z.number().min(0).max(1);
const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, {
  error: 'must be lower-case letters, digits and dashes',
});
const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'must be an address or a CIDR block, e.g. 10.0.0.0/8',
});

export const algorithms = [
  'round-robin',
  'weighted-round-robin',
  'random',
  'hybrid',
  'least-connections',
  'consistent-hash',
  'adaptive',
] as const;

const targetSchema = z.strictObject({
  /** `{host}` stands for the host name of the region that uses the target. */
  url: z.string().regex(/^https?:\/\/(\{host\}|[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/, {
    error: 'must read http://host:port, without a path',
  }),
  weight: z.number().min(0).max(1000).default(1),
  /** Regions whose gateways use this target; none named: all. */
  regions: z.array(regionIdSchema).default([]),
  zone: z.string().max(64).optional(),
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
  ejectionMs: durationMs.default(5000),
  ejectionMsMax: durationMs.default(60_000),
  /** At most this share of a group is ejected at once. */
  ejectedShareMax: share.default(0.67),
});

const hashKeySchema = z
  .string()
  .regex(/^(address|path|header:[a-z0-9-]+|cookie:[A-Za-z0-9_-]+)$/, {
    error: 'must be address, path, header:<name> or cookie:<name>',
  })
  .default('address');

const groupSchema = z.strictObject({
  algorithm: z.enum(algorithms).default('adaptive'),
  hashKey: hashKeySchema,
  targets: z.array(targetSchema).max(1000).default([]),
  connectionsMax: count.default(256),
  connectMs: durationMs.default(1000),
  slowStartMs: z.int().min(0).max(3_600_000).default(10_000),
  activeCheck: activeCheckSchema.prefault({}),
  passiveCheck: passiveCheckSchema.prefault({}),
});

const timeoutsSchema = z.strictObject({
  /** Until the upstream's reply head. */
  headersMs: durationMs.default(30_000),
  /** Between two pieces of a body. */
  idleMs: durationMs.default(300_000),
});

const retrySchema = z.strictObject({
  attemptsMax: z.int().min(1).max(10).default(3),
  statuses: z.array(z.int().min(400).max(599)).default([429, 502, 503, 504]),
  firstMs: durationMs.default(25),
  maxMs: durationMs.default(1000),
});

const routeSchema = z.strictObject({
  id: name,
  match: z
    .strictObject({
      hosts: z.array(z.string().min(1)).default([]),
      /** A path and everything below it. */
      path: z.string().startsWith('/').default('/'),
      methods: z.array(z.string().regex(/^[A-Z]+$/)).default([]),
      headers: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
  group: name,
  /** How a request for another region gets there. */
  crossRegion: z.enum(['proxy', 'redirect', 'never']).default('proxy'),
  hostHeader: z.enum(['preserve', 'upstream']).default('preserve'),
  timeouts: timeoutsSchema.prefault({}),
  retry: retrySchema.prefault({}),
});

const regionsSchema = z.strictObject({
  probe: z
    .strictObject({
      intervalMs: durationMs.default(10_000),
      timeoutMs: durationMs.default(5000),
      healthyAfter: count.default(2),
      unhealthyAfter: count.default(3),
      /** After the first result that differs from the present verdict. */
      recheckMs: durationMs.default(500),
    })
    .prefault({}),
  /** The own region is kept when it is at most this much slower than the best. */
  ownPreferenceMs: z.number().min(0).max(10_000).default(10),
  /** With a smaller share of healthy regions than this, health is ignored and load spread. */
  panicBelow: share.default(0.25),
  /** Load (0 to 1) above which a region gives a growing share to the next. */
  spillAbove: share.default(0.85),
  hopsMax: z.int().min(1).max(8).default(2),
});

const residencySchema = z.strictObject({
  countries: z.array(z.string().regex(/^[A-Z]{2}$/)).min(1),
  regions: z.array(regionIdSchema).min(1),
});

export const gatewayConfigSchema = z
  .strictObject({
    trustedProxies: z.array(cidr).default([]),
    /** Where a trusted proxy's word on the client's address is read, first hit wins. */
    addressSources: z
      .array(
        z.enum([
          'x-forwarded-for',
          'forwarded',
          'x-real-ip',
          'cf-connecting-ip',
          'true-client-ip',
          'fastly-client-ip',
        ]),
      )
      .default(['x-forwarded-for']),
    regions: regionsSchema.prefault({}),
    residency: z.array(residencySchema).default([]),
    groups: z
      .record(name, groupSchema)
      .prefault({ default: { targets: [{ url: 'http://{host}:7090' }] } }),
    routes: z.array(routeSchema).prefault([{ id: 'default', group: 'default' }]),
    /** Share of the recent requests that may be sent again as retries. */
    retryBudget: share.default(0.2),
    requestBytesMax: z.int().min(1).default(1_073_741_824),
    drainMs: durationMs.default(15_000),
  })
  .superRefine((config, context) => {
    for (const [index, route] of config.routes.entries()) {
      if (Object.hasOwn(config.groups, route.group)) continue;
      const message = `names no group; the groups are ${Object.keys(config.groups).join(', ')}`;
      context.addIssue({ code: 'custom', message, path: ['routes', index, 'group'] });
    }
  });

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
export type RouteConfig = GatewayConfig['routes'][number];
export type GroupConfig = GatewayConfig['groups'][string];
export type TargetConfig = GroupConfig['targets'][number];
export type AddressSource = GatewayConfig['addressSources'][number];
