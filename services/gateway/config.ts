/** The `gateway` section of the cluster file: routes, upstream groups, trust, region policies. */
import { z } from 'zod';
import { regionIdSchema } from '../../shared/config/cluster-schema.ts';

const durationMs = z.int().min(1).max(86_400_000);
const count = z.int().min(1).max(100_000);
const share = z.number().min(0).max(1);
const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, {
  error: 'must be lower-case letters, digits and dashes',
});
const headerName = z.string().regex(/^[a-z0-9-]{1,64}$/, { error: 'must be a lower-case name' });
const headerValue = z.string().regex(/^[\t\x20-\x7e]{0,1024}$/, { error: 'must be printable' });
const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'must be an address or a CIDR block, e.g. 192.0.2.0/24',
});

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

const groupSchema = z.strictObject({
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
  connectionsMax: count.default(256),
  connectMs: durationMs.default(1000),
  slowStartMs: z.int().min(0).max(3_600_000).default(10_000),
  activeCheck: activeCheckSchema.prefault({}),
  passiveCheck: passiveCheckSchema.prefault({}),
  breaker: breakerSchema.prefault({}),
  concurrency: concurrencySchema.optional(),
});

const timeoutsSchema = z.strictObject({
  /** Until the upstream's reply head. */
  headersMs: durationMs.default(30_000),
  /** Between two pieces of a body. */
  idleMs: durationMs.default(300_000),
  /** From the request's arrival to the reply head, attempts and pauses included. */
  totalMs: durationMs.default(60_000),
});

const retrySchema = z.strictObject({
  attemptsMax: z.int().min(1).max(10).default(3),
  statuses: z.array(z.int().min(400).max(599)).default([429, 502, 503, 504]),
  firstMs: durationMs.default(25),
  maxMs: durationMs.default(1000),
});

const headerRulesSchema = z.strictObject({
  set: z.record(headerName, headerValue).default({}),
  remove: z.array(headerName).default([]),
});

const authSchema = z.strictObject({
  /** Any of these; none: no credentials are asked for. */
  accept: z.array(z.enum(['meridian', 'jwt', 'api-key'])).min(1),
  scopes: z.array(z.string().min(1).max(128)).default([]),
});

const rateLimitSchema = z.strictObject({
  perSecond: z.number().positive().max(1_000_000),
  burst: count,
  /** Who shares a bucket. */
  key: z
    .string()
    .regex(/^(address|route|subject|header:[a-z0-9-]+)$/)
    .default('address'),
});

const corsSchema = z.strictObject({
  origins: z.array(z.string().min(1)).min(1),
  methods: z.array(z.string()).default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  headers: z.array(headerName).default(['content-type', 'authorization']),
  exposed: z.array(headerName).default([]),
  credentials: z.boolean().default(false),
  maxAgeSeconds: z.int().min(0).max(86_400).default(600),
});

const stickySchema = z.strictObject({
  cookie: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .default('meridian_sticky'),
  ttlSeconds: z.int().min(1).max(31_536_000).default(3600),
  secure: z.boolean().default(true),
  sameSite: z.enum(['Strict', 'Lax', 'None']).default('Lax'),
});

const routeSchema = z.strictObject({
  id: name,
  match: z
    .strictObject({
      hosts: z.array(z.string().min(1)).default([]),
      /** A path and everything below it. */
      path: z.string().startsWith('/').default('/'),
      methods: z.array(z.string().regex(/^[A-Z]+$/)).default([]),
      headers: z.record(headerName, z.string()).default({}),
    })
    .prefault({}),
  group: name,
  /** Shares of the traffic that go to other groups. */
  canary: z.array(z.strictObject({ group: name, share })).default([]),
  /** Replaces `match.path` at the start of the path. */
  rewrite: z.string().startsWith('/').optional(),
  /** How a request for another region gets there. */
  crossRegion: z.enum(['proxy', 'redirect', 'never']).default('proxy'),
  hostHeader: z.enum(['preserve', 'upstream']).default('preserve'),
  timeouts: timeoutsSchema.prefault({}),
  retry: retrySchema.prefault({}),
  /** A second attempt elsewhere when the first has not answered by then; the first reply wins. */
  hedgeAfterMs: durationMs.optional(),
  requestBytesMax: z.int().min(1).default(1_073_741_824),
  request: headerRulesSchema.prefault({}),
  reply: headerRulesSchema.prefault({}),
  securityHeaders: z.boolean().default(false),
  allow: z.array(cidr).default([]),
  deny: z.array(cidr).default([]),
  auth: authSchema.optional(),
  rateLimit: rateLimitSchema.optional(),
  cors: corsSchema.optional(),
  sticky: stickySchema.optional(),
  /** Keeps a session in Redis and hands its id on as `meridian-session`. */
  session: z.strictObject({ ttlSeconds: z.int().min(1).default(3600) }).optional(),
  webSocket: z
    .strictObject({ pingMs: durationMs.default(30_000), idleMs: durationMs.default(3_600_000) })
    .prefault({}),
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
  /** Requests under way that count as load 1 of this gateway. */
  fullLoad: count.default(2000),
  hopsMax: z.int().min(1).max(8).default(2),
  /** Where clients reach the regions, for redirects. */
  publicUrls: z.partialRecord(regionIdSchema, z.url()).default({}),
});

const residencySchema = z.strictObject({
  /** Country codes (ISO 3166-1); `*` is every client, also one whose country is unknown. */
  countries: z.array(z.string().regex(/^([A-Z]{2}|\*)$/)).default([]),
  tenants: z.array(z.string().min(1).max(128)).default([]),
  regions: z.array(regionIdSchema).min(1),
});

const apiKeySchema = z.strictObject({
  id: name,
  /** SHA-256 of the key, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.string()).default([]),
});

const addressSource = z.enum([
  ...(['x-forwarded-for', 'forwarded', 'x-real-ip'] as const),
  ...(['cf-connecting-ip', 'true-client-ip', 'fastly-client-ip'] as const),
]);

export const gatewayConfigSchema = z
  .strictObject({
    trustedProxies: z.array(cidr).default([]),
    /** Where a trusted proxy's word on the client's address is read, first hit wins. */
    addressSources: z.array(addressSource).default(['x-forwarded-for']),
    /** Trusted proxies begin each connection with a PROXY protocol header (v1 or v2). */
    proxyProtocol: z.boolean().default(false),
    /** Header of a trusted caller or claim of its token that names the tenant. */
    tenant: z.strictObject({ header: headerName.optional(), claim: name.optional() }).prefault({}),
    tls: z
      .strictObject({ certPath: z.string(), keyPath: z.string(), http2: z.boolean().default(true) })
      .optional(),
    jwt: z
      .strictObject({
        jwksUrl: z.url(),
        issuer: z.string().min(1),
        audience: z.string().min(1),
        cooldownMs: durationMs.default(30_000),
      })
      .optional(),
    apiKeys: z.array(apiKeySchema).default([]),
    regions: regionsSchema.prefault({}),
    residency: z.array(residencySchema).default([]),
    groups: z
      .record(name, groupSchema)
      .prefault({ default: { targets: [{ url: 'http://{host}:7090' }] } }),
    routes: z.array(routeSchema).prefault([{ id: 'default', group: 'default' }]),
    /** Share of the recent requests that may be sent again as retries. */
    retryBudget: share.default(0.2),
    drainMs: durationMs.default(15_000),
  })
  .superRefine((config, context) => {
    for (const [index, route] of config.routes.entries()) {
      for (const group of [route.group, ...route.canary.map((part) => part.group)]) {
        if (Object.hasOwn(config.groups, group)) continue;
        const message = `${group} is no group; they are ${Object.keys(config.groups).join(', ')}`;
        context.addIssue({ code: 'custom', message, path: ['routes', index, 'group'] });
      }
      if (route.auth?.accept.includes('jwt') === true && config.jwt === undefined) {
        const message = 'asks for jwt, and gateway.jwt is not set';
        context.addIssue({ code: 'custom', message, path: ['routes', index, 'auth'] });
      }
    }
  });

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
export type RouteConfig = GatewayConfig['routes'][number];
export type GroupConfig = GatewayConfig['groups'][string];
