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
}

export interface AdminRoutesOptions {
  readonly requireViewer: AuthHook;
  readonly explain: (question: ExplainQuestion) => unknown;
  readonly routes: () => readonly unknown[];
  readonly upstreams: () => readonly unknown[];
}

const explainQuery = z.strictObject({
  ip: z.union([z.ipv4(), z.ipv6()]),
  path: z.string().startsWith('/').default('/'),
  host: z.string().default(''),
  method: z
    .string()
    .regex(/^[A-Z]+$/)
    .default('GET'),
});

/** Lists are `{items, next}`. */
export function adminRoutes(options: AdminRoutesOptions): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const viewer = { onRequest: options.requireViewer };
    server.get(
      '/admin/routes/explain',
      { ...viewer, schema: { querystring: explainQuery } },
      async (request) => {
        const { ip, path, host, method } = request.query;
        return options.explain({ address: ip, path, host, method });
      },
    );
    server.get('/admin/routes', viewer, async () => ({ items: options.routes(), next: null }));
    server.get('/admin/upstreams', viewer, async () => ({
      items: options.upstreams(),
      next: null,
    }));
    done();
  };
}
