/** A real HTTP listener with the admin API's shape, for tests of its client. */
import type { FastifyInstance } from 'fastify';
import { divergedRoutes } from '../../../services/failover/http/diverged-routes.ts';
import { requireScope } from '../../../shared/auth/require-scope.ts';
import type { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { createServer } from '../../../shared/http/server.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import type { KeySet } from '../../../shared/config/secrets-schema.ts';
import { controllerAccess } from '../../helpers/controller-access.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly clusterId: string;
  readonly keys: KeySet;
  readonly epoch: number;
  readonly primary: string | null;
  /** Ends of the operation that a change begins. */
  readonly phase?: 'done' | 'abandoned' | 'opening';
  readonly refuse?: MeridianError;
  /** Rows that a region held beyond a cut. */
  readonly diverged?: readonly Readonly<Record<string, unknown>>[];
}

export interface AdminServer {
  /** Bodies of the changes that came in. */
  readonly changes: { readonly path: string; readonly body: unknown }[];
  close(): Promise<void>;
}

/** Listens on the admin port 7081 of `host`. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const logger = createLogger({ service: 'test', region: 'eu-west', level: 'error' });
  const server = createServer({ logger, bodyBytesMax: 65_536, requestTimeoutMs: 5000 });
  const changes: AdminServer['changes'] = [];
  addReads(server, options);
  if (options.diverged !== undefined) {
    const { diverged, clusterId, keys } = options;
    await server.register(
      divergedRoutes({
        ...controllerAccess({ diverged }),
        requireViewer: requireScope('admin:viewer', clusterId, keys),
        requireAdmin: requireScope('admin:admin', clusterId, keys),
      }),
    );
  }
  const operator = requireScope('admin:operator', options.clusterId, options.keys);
  for (const path of ['/admin/regions/:id/failover', '/admin/pause', '/admin/resume']) {
    server.post(path, { onRequest: operator }, async (request, reply) => {
      if (options.refuse !== undefined) throw options.refuse;
      changes.push({ path: request.url, body: request.body });
      return reply.code(202).send(operationOf(options));
    });
  }
  await server.listen({ host: options.host, port: 7081 });
  return { changes, close: async () => server.close() };
}

function addReads(server: FastifyInstance, options: AdminServerOptions): void {
  const viewer = requireScope('admin:viewer', options.clusterId, options.keys);
  server.get('/health', async () => ({ alive: true }));
  server.get('/admin/regions', { onRequest: viewer }, async () => ({
    cluster: options.clusterId,
    version: '0.0.9',
    epoch: options.epoch,
    primary: options.primary,
    members: ['us-east'],
    change: null,
    items: ['eu-west', 'us-east'].map((id) => regionOf(id, options)),
    rules: { inForce: 1, known: { 'eu-west': 1, 'us-east': 1 } },
    next: null,
  }));
  server.get('/admin/operations/:id', { onRequest: viewer }, async () => operationOf(options));
  server.get('/admin/history', { onRequest: viewer }, async () => ({
    items: [
      {
        epoch: 1,
        change: 'failover',
        from: null,
        to: 'eu-west',
        cut: '0:0/0',
        why: 'the first region in priority opens epoch 1',
        atMs: 1_700_000_000_000,
      },
    ],
    next: null,
  }));
}

/** us-east is of a version that names no versions of its parts. */
function regionOf(id: string, options: AdminServerOptions) {
  const role = id === options.primary ? 'primary' : 'replica';
  const isOlder = id === 'us-east';
  const version = isOlder ? {} : { version: '18.0' };
  return {
    id,
    name: id,
    role,
    why: 'as it should be',
    epoch: options.epoch,
    position: `${String(options.epoch)}:0/5A3F2E10`,
    lagMs: 12,
    health: 'healthy',
    nodes: [
      { id: `${id}/pg-1`, kind: 'node', role, position: '1:0/10', healthy: true, ...version },
      { id: `${id}/pg-2`, kind: 'standby', role: 'standby', position: '1:0/10', healthy: true },
    ],
    ...(isOlder ? {} : { broker: { version: '4.0.0', outOfSync: [] } }),
    isAccepting: true,
    ageMs: 0,
  };
}

function operationOf({ phase = 'done' }: AdminServerOptions) {
  const outcome = phase === 'done' ? 'us-east is primary' : 'replaced by another attempt';
  return {
    id: 'op-1',
    phase,
    percent: 100,
    startedAt: '2023-11-14T22:13:20.000Z',
    by: 'cli',
    reason: 'test',
    steps: [
      { name: 'prepared', detail: 'epoch 2', atMs: 5 },
      { name: 'sealed', detail: 'eu-west at 1:0/10', atMs: 412 },
    ],
    result: phase === 'opening' ? null : { outcome, to: 'us-east', epoch: 2 },
  };
}
