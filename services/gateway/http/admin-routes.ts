/** Admin listener: what the gateway knows and how it would decide. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AuthHook } from '../../../shared/auth/require-scope.ts';

export interface ExplainQuestion {
  readonly address: string;
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly tenant: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface AdminRoutesOptions {
  readonly requireViewer: AuthHook;
  readonly requireOperator: AuthHook;
  readonly requireRegister: AuthHook;
  readonly explain: (question: ExplainQuestion) => unknown;
  readonly routes: () => readonly unknown[];
  readonly upstreams: () => readonly unknown[];
  readonly breakers: () => readonly unknown[];
  /** Throws the MeridianError that the instance is to get. */
  readonly register: (group: string, id: string, registration: Registration) => Promise<void>;
  readonly unregister: (group: string, id: string) => Promise<void>;
  /** Reads the tables of addresses anew. */
  readonly reloadGeo: () => Promise<void>;
  /** Null: all; answers how many were reset. */
  readonly resetBreakers: (upstream: string | null) => number;
}

const explainQuery = z.strictObject({
  ip: z.union([z.ipv4(), z.ipv6()]),
  path: z.string().startsWith('/').default('/'),
  host: z.string().default(''),
  method: z
    .string()
    .regex(/^[A-Z]+$/)
    .default('GET'),
  tenant: z.string().optional(),
  /** `name: value`, repeated for several. */
  header: z.union([z.string(), z.array(z.string())]).default([]),
});

const resetQuery = z.strictObject({ upstream: z.string().optional() });

const instanceName = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/);
const instancePath = z.strictObject({ group: instanceName, id: instanceName });

/** What an instance says of itself; it is gone `ttlMs` after its last word. */
const registrationBody = z.strictObject({
  url: z.url(),
  weight: z.number().min(0).max(1000).default(1),
  zone: z.string().max(64).nullable().default(null),
  capabilities: z.array(z.string().min(1).max(64)).max(32).default([]),
  status: z.enum(['up', 'draining', 'down']).default('up'),
  ttlMs: z.int().min(2000).max(3_600_000).default(10_000),
});
export type Registration = z.infer<typeof registrationBody>;

/** Lists are `{items, next}`. */
export function adminRoutes(options: AdminRoutesOptions): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const viewer = { onRequest: options.requireViewer };
    server.get(
      '/admin/routes/explain',
      { ...viewer, schema: { querystring: explainQuery } },
      async (request) => {
        const { ip, path, host, method, tenant, header } = request.query;
        const headers = parseHeaders([header].flat());
        return options.explain({
          ...{ address: ip, path, host, method, headers },
          tenant: tenant ?? null,
        });
      },
    );
    server.get('/admin/routes', viewer, async () => listOf(options.routes()));
    server.get('/admin/upstreams', viewer, async () => listOf(options.upstreams()));
    server.get('/admin/breakers', viewer, async () => listOf(options.breakers()));
    server.post(
      '/admin/breakers/reset',
      { onRequest: options.requireOperator, schema: { querystring: resetQuery } },
      async (request) => ({ reset: options.resetBreakers(request.query.upstream ?? null) }),
    );
    server.post('/admin/geo/reload', { onRequest: options.requireOperator }, async () => {
      await options.reloadGeo();
      return { reloaded: true };
    });
    const instance = { onRequest: options.requireRegister, schema: { params: instancePath } };
    server.put(
      '/admin/registry/:group/:id',
      { ...instance, schema: { ...instance.schema, body: registrationBody } },
      async ({ params: { group, id }, body }) => {
        await options.register(group, id, body);
        return { group, id, ttlMs: body.ttlMs };
      },
    );
    server.delete('/admin/registry/:group/:id', instance, async ({ params: { group, id } }) => {
      await options.unregister(group, id);
      return { group, id };
    });
    done();
  };
}

function listOf(items: readonly unknown[]): { items: readonly unknown[]; next: null } {
  return { items, next: null };
}

function parseHeaders(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
}
