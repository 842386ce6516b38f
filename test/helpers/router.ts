/**
 * Routers of several regions in this process over real PostgreSQL nodes. The controller and the
 * replicator are played by hand: tests say who is primary, and move rows to other regions by SQL.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { reachablePostgresHome } from '../../services/local/postgres-place.ts';
import { RegionNodes } from '../../services/local/postgres/region-nodes.ts';
import { locatePrograms, postgresUser } from '../../services/local/programs.ts';
import type { RegionContext } from '../../services/local/region-context.ts';
import { regionPaths } from '../../services/local/region-paths.ts';
import { routerConfigSchema } from '../../services/router/config.ts';
import { createRouterService, type RouterService } from '../../services/router/service.ts';
import { signAccessToken, type Scope } from '../../shared/auth/access-token.ts';
import { regionOfConfig, type ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import { formatLsn } from '../../shared/core/lsn.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { Position } from '../../shared/core/position.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { createServer } from '../../shared/http/server.ts';
import { createMetrics, type Metrics } from '../../shared/metrics/metrics.ts';
import { connectPg, withPg, type PgTarget } from '../../shared/pg/client.ts';
import { systemClock } from '../../shared/runtime/system-clock.ts';
import { HandControl, handView, HandStatus } from './hand-driven.ts';
import { loopbackAddresses, testCluster, testSecrets } from './gateway.ts';
import { eventually } from './eventually.ts';

export interface RouterRegion {
  readonly id: RegionId;
  readonly origin: string;
  readonly control: HandControl;
  readonly status: HandStatus;
  readonly nodes: RegionNodes;
  readonly router: RouterService;
  readonly metrics: Metrics;
  readonly address: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface Sent {
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouterClusterOptions {
  readonly regions: readonly string[];
  /** Standbys in the first region. */
  readonly standbys?: number;
  readonly router?: unknown;
  /** How wrong the clocks of regions are, in milliseconds. */
  readonly clocksOffMs?: Readonly<Record<string, number>>;
}

const logger = pino({ level: process.env['ROUTER_LOG'] ?? 'silent' });

export class RouterCluster {
  readonly cluster: ClusterBase;
  readonly secrets: Secrets;
  readonly #folder: string;
  readonly #regions = new Map<string, RouterRegion>();
  readonly #servers: FastifyInstance[] = [];

  private constructor(options: RouterClusterOptions) {
    const addresses = loopbackAddresses(options.regions.length);
    const named = Object.fromEntries(options.regions.map((id, i) => [id, addresses[i] ?? '']));
    const base = testCluster(named);
    this.cluster = {
      ...base,
      regions: base.regions.map((region, index) => ({
        ...region,
        nodes: Array.from({ length: index === 0 ? 1 + (options.standbys ?? 0) : 1 }, (_, n) => ({
          id: `${region.id}/pg-${n + 1}` as NodeId,
          port: 5432 + n,
        })),
      })),
    };
    this.secrets = testSecrets(options.regions[0] ?? '');
    this.#folder = mkdtempSync(join(tmpdir(), 'meridian-router-'));
    chmodSync(this.#folder, 0o755);
  }

  /** The first region opens epoch 1; the others are base backups of it that follow by hand. */
  static async start(options: RouterClusterOptions): Promise<RouterCluster> {
    const made = new RouterCluster(options);
    const user = postgresUser();
    const programs = locatePrograms();
    const postgresHome = await reachablePostgresHome(programs.postgresHome, user);
    for (const [index, { id }] of made.cluster.regions.entries()) {
      const context = made.#context(id, { ...programs, postgresHome });
      await made.#startNodes(context, index === 0);
      await made.#startRouter(id, context, options);
    }
    return made;
  }

  region(id: string): RouterRegion {
    const found = this.#regions.get(id);
    if (found === undefined) throw new RangeError(`no region ${id}`);
    return found;
  }

  /** Connection settings of node `n` (from 1) as `user`. */
  target(id: string, n: number, user: 'meridian_owner' | 'app' = 'meridian_owner'): PgTarget {
    const { bind, nodes } = regionOfConfig(this.cluster, id as RegionId);
    const { postgres } = this.secrets.shared;
    return {
      host: bind,
      port: nodes[n - 1]?.port ?? 0,
      database: this.cluster.database,
      user,
      password: user === 'app' ? postgres.app : postgres.owner,
      applicationName: 'test',
    };
  }

  /** Runs statements as Meridian's superuser; the rows of the last one. */
  async sql(id: string, text: string, n = 1): Promise<Record<string, string | null>[]> {
    return withPg(this.target(id, n), async (client) => {
      await client.query('SET synchronous_commit = local');
      const result = (await client.query(text)) as unknown;
      const last = (Array.isArray(result) ? (result as unknown[]).at(-1) : result) as {
        rows: Record<string, string | null>[];
      };
      return last.rows;
    });
  }

  /** Moves `region` to `position`, as an applier would, with `text` in the same transaction. */
  async apply(region: string, position: Position, text = ''): Promise<void> {
    const end = formatLsn(position.endLsn);
    await this.sql(
      region,
      `BEGIN; ${text}; UPDATE meridian_local.progress
         SET epoch = ${position.epoch}, end_lsn = '${end}', commit_time = clock_timestamp();
       COMMIT`,
    );
    this.region(region).status.setApplied(position);
  }

  async token(scopes: readonly Scope[] = ['data:write'], role = 'app'): Promise<string> {
    const { clusterId } = this.cluster;
    const keys = this.secrets.shared.accessKeys;
    return signAccessToken({ clusterId, keys, subject: 'tester', scopes, role, ttlSeconds: 600 });
  }

  /** `body` as it is when it is text, else as JSON. */
  async post(region: string, path: string, sent: Sent): Promise<Answer> {
    const { body, headers = {} } = sent;
    const reply = await fetch(`${this.region(region).origin}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await this.token()}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await reply.text();
    return {
      status: reply.status,
      headers: reply.headers,
      text,
      body: JSON.parse(text) as Record<string, unknown>,
    };
  }

  async query(
    region: string,
    sql: string,
    options: {
      readonly params?: readonly unknown[];
      readonly headers?: Readonly<Record<string, string>>;
    } & Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const { headers = {}, ...rest } = options;
    return this.post(region, '/v1/query', { body: { sql, ...rest }, headers });
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.close();
    await Promise.all([...this.#regions.values()].map(({ router }) => router.stop()));
    await Promise.all([...this.#regions.values()].map(({ nodes }) => nodes.shutDown()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #context(id: RegionId, programs: RegionContext['programs']): RegionContext {
    const region = regionOfConfig(this.cluster, id);
    const paths = regionPaths(join(this.#folder, id));
    for (const folder of [paths.postgresFolder, paths.logsFolder, paths.runFolder]) {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
    }
    return {
      cluster: this.cluster,
      clusterFile: '',
      region,
      secrets: this.secrets,
      paths,
      programs,
      postgresUser: postgresUser(),
      hosts: {},
      logger,
    };
  }

  async #startNodes(context: RegionContext, isFirst: boolean): Promise<void> {
    const nodes = new RegionNodes(context);
    const { id } = context.region;
    this.#nodesOf.set(id, nodes);
    const [own, ...standbys] = context.region.nodes.map((node) => node.id);
    if (own === undefined) throw new RangeError('a region without a node');
    const first = this.cluster.regions[0];
    if (isFirst) await nodes.initialise(own);
    else await nodes.seedRegionNode(own, { host: first?.bind ?? '', port: 5432 });
    await nodes.start(own, 'normal', null);
    await eventually(() => canConnect(this.target(id, 1)), { deadlineMs: 60_000 });
    if (isFirst) await this.open(id, 1);
    for (const standby of standbys) {
      await nodes.seedStandby(standby, own);
      await nodes.start(standby, 'standby', own);
    }
  }

  readonly #nodesOf = new Map<string, RegionNodes>();

  /** Writes what a controller writes when it opens `epoch` on the region's own node. */
  async open(id: string, epoch: number): Promise<void> {
    await this.sql(
      id,
      `DELETE FROM meridian_local.progress;
       INSERT INTO meridian_local.progress (epoch, end_lsn, store) VALUES (${epoch}, '0/0', 's');
       UPDATE meridian_local.fence SET open_epoch = ${epoch}, last_opened_epoch = ${epoch},
         opened_start = pg_postmaster_start_time(), opened_checkpointer =
           (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer')`,
    );
  }

  async #startRouter(
    id: RegionId,
    context: RegionContext,
    options: RouterClusterOptions,
  ): Promise<void> {
    const offMs = options.clocksOffMs?.[id] ?? 0;
    const primary = this.cluster.regions[0]?.id ?? id;
    const control = new HandControl(handView(this.cluster, { region: id, primary }));
    const status = new HandStatus();
    const metrics = createMetrics();
    const router = createRouterService({
      config: routerConfigSchema.parse(options.router ?? {}),
      secrets: this.secrets,
      cluster: this.cluster,
      region: id,
      clock: { ...systemClock, wallMs: () => systemClock.wallMs() + offMs },
      logger,
      metrics,
      regionControl: control,
      replicationStatus: status,
    });
    const { bind, listeners } = context.region;
    for (const [plugin, port] of [
      [router.plugins.public, listeners.public],
      [router.plugins.peer, listeners.peer],
    ] as const) {
      const server = createServer({ logger, bodyBytesMax: 1_000_000, requestTimeoutMs: 60_000 });
      if (plugin !== undefined) await server.register(plugin);
      await server.listen({ host: bind, port });
      this.#servers.push(server);
    }
    await router.start();
    const nodes = this.#nodesOf.get(id);
    if (nodes === undefined) throw new RangeError('no nodes');
    const origin = `http://${bind}:${listeners.public}`;
    const made = { id, origin, control, status, nodes, router, metrics, address: bind };
    this.#regions.set(id, made);
    await eventually(async () => (await router.readiness()).checks.every(({ ok }) => ok), {
      deadlineMs: 30_000,
    });
  }
}

async function canConnect(target: PgTarget): Promise<boolean> {
  const client = await connectPg(target).catch(() => null);
  await client?.end();
  return client !== null;
}
