/** The `gateway` section of the cluster file: routes, upstream groups, trust, region policies. */
import { z } from 'zod';
import { regionIdSchema } from '../../shared/config/cluster-schema.ts';
import { cidr, count, durationMs, headerName, name, share } from './config-values.ts';
import { groupSchema } from './group-config.ts';
import { routeSchema } from './route-config.ts';

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

const tlsSchema = z.strictObject({
  /** PEM files of the certificate chain and its key; read anew when they change. */
  certPath: z.string().min(1),
  keyPath: z.string().min(1),
  /** Beside HTTP/1.1, as the client likes. */
  http2: z.boolean().default(true),
  /** Who signed the other regions' certificates; default: whom the system trusts. */
  regionsCaPath: z.string().min(1).optional(),
  /** The name in them; default: the host of each region. */
  regionsName: z.string().min(1).optional(),
});

/** Headers called `meridian-…` do not pass from gateway to gateway. */
const ownHeader = headerName.refine((text) => !text.startsWith('meridian-'), {
  error: 'must not begin with meridian-',
});

export const gatewayConfigSchema = z
  .strictObject({
    trustedProxies: z.array(cidr).default([]),
    /** Where a trusted proxy's word on the client's address is read, first hit wins. */
    addressSources: z.array(addressSource).default(['x-forwarded-for']),
    /**
     * Trusted proxies begin each connection with a PROXY protocol header (v1 or v2); one without
     * ends. It counts from nobody else.
     */
    proxyProtocol: z.boolean().default(false),
    /** Header of a trusted caller or claim of its token that names the tenant. */
    tenant: z.strictObject({ header: ownHeader.optional(), claim: name.optional() }).prefault({}),
    /** Headers in which a trusted caller says where the client is, e.g. `cf-ipcountry`. */
    clientHints: z
      .strictObject({
        country: ownHeader.optional(),
        latitude: ownHeader.optional(),
        longitude: ownHeader.optional(),
      })
      .prefault({}),
    tls: tlsSchema.optional(),
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
    connectionsMax: count.default(50_000),
    /** Time for the head of a request to arrive. */
    headMs: durationMs.default(20_000),
    /** Time between "not ready" and the end of the listener: balancers have to see it. */
    drainNoticeMs: z.int().min(0).max(600_000).default(2000),
    /** Time for the requests that are under way then. */
    drainMs: durationMs.default(8000),
    /** A second gateway process may listen beside this one, to take over without a gap (Linux). */
    reusePort: z.boolean().default(false),
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
export type { GroupConfig } from './group-config.ts';
export type { RouteConfig } from './route-config.ts';
