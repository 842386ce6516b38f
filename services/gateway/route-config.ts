/** A route of the gateway section: what it matches, where it goes, under which policies. */
import { z } from 'zod';
import { cidr, count, durationMs, headerName, headerValue, name, share } from './config-values.ts';

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

export const routeSchema = z.strictObject({
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
  /** Capabilities that an instance must have. */
  needs: z.array(z.string().min(1).max(64)).default([]),
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

export type RouteConfig = z.infer<typeof routeSchema>;
