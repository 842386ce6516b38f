/**
 * A whole cluster of real processes for a test: its own loopback addresses and folder, brought up
 * through the same functions as `npm start`, killed and asked over HTTP, and removed in the end.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { clusterConfigSchema, type ClusterConfig } from '../../services/cluster-config.ts';
import { listenerPorts } from '../../services/listeners.ts';
import { createAgentClient } from '../../services/local/agent-client.ts';
import type { AgentState } from '../../services/local/agent-state.ts';
import {
  prepareLocalCluster,
  removeLocalCluster,
  startLocalCluster,
  stopLocalCluster,
  type RunningCluster,
} from '../../services/local/local-cluster.ts';
import { runningAgent } from '../../services/local/leftovers.ts';
import { localWanClient } from '../../services/local/local-wan.ts';
import type { DirectionChange } from '../../services/local/wan/wan-direction.ts';
import type { WanPlace } from '../../services/local/wan/wan-settings.ts';
import { clusterPaths, localRegionPaths } from '../../services/local/region-paths.ts';
import { signAccessToken, type Scope } from '../../shared/auth/access-token.ts';
import { loadClusterFile, loadSecrets } from '../../shared/config/load.ts';
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { eventually } from './eventually.ts';
import { ListenerClient } from './cluster/listener-client.ts';
import { localRegion, placesOfRegions, wanPlace } from './cluster/places.ts';
import { splitProcesses, type SplitRegions } from './cluster/split-processes.ts';
import { isUsuallySecured } from './cluster/usual-security.ts';

export interface DataAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly rows?: readonly Record<string, unknown>[];
    readonly code?: string;
    readonly detail?: string;
  } & Record<string, unknown>;
}

export interface TestClusterOptions {
  readonly regions?: readonly string[];
  readonly nodesPerRegion?: number;
  /** Sections of the cluster file, e.g. shorter time-outs. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Services of a region, by its id, that run in processes of their own. */
  readonly split?: SplitRegions;
  /** Puts TCP proxies between the regions, with the latencies of their places. */
  readonly isWan?: boolean;
  /** Mode tls, as on hosts of their own: the default, see `isUsuallySecured`. */
  readonly isSecured?: boolean;
}

export class TestCluster {
  readonly stateFolder: string;
  config: ClusterConfig;
  readonly listeners: ListenerClient;
  readonly #tokens = new Map<string, string>();
  readonly #wan: WanPlace | false;
  #running: RunningCluster | null = null;

  private constructor(stateFolder: string, isWan: boolean) {
    this.stateFolder = stateFolder;
    this.#wan = isWan ? wanPlace : false;
    this.config = readConfig(stateFolder);
    const { authority = null } = this.secrets(this.regionIds[0] ?? '').shared;
    this.listeners = new ListenerClient(authority);
  }

  /** Takes a cluster file that was changed: tokens are signed anew. */
  reload(): void {
    this.config = readConfig(this.stateFolder);
    this.#tokens.clear();
  }

  /** Files, then processes; resolves when every region can serve. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-cluster-'));
    chmodSync(folder, 0o755);
    const { regions = Object.keys(placesOfRegions), split = {}, isWan = false, ...rest } = options;
    const made = { isSecured: isUsuallySecured, ...rest, regions: regions.map(localRegion) };
    await prepareLocalCluster(folder, made);
    splitProcesses(clusterPaths(folder).clusterFile, split);
    const cluster = new TestCluster(folder, isWan);
    try {
      await cluster.up();
    } catch (error) {
      // Nobody else knows of what runs already.
      await cluster.remove().catch(() => undefined);
      throw error;
    }
    return cluster;
  }

  /** Starts what does not run and waits until it can serve. */
  async up(): Promise<void> {
    this.#running = await startLocalCluster(this.#options());
    await this.#running.ready;
  }

  async down(): Promise<void> {
    await stopLocalCluster(this.#options());
  }

  /** Stops everything and removes the folder. */
  async remove(): Promise<void> {
    await this.down();
    await this.listeners.close();
    await removeLocalCluster(
      this.stateFolder,
      this.config.regions.map(({ id }) => id),
    );
    rmSync(this.stateFolder, { recursive: true, force: true });
  }

  region(id: string): RegionConfig {
    const region = this.config.regions.find((candidate) => candidate.id === id);
    if (region === undefined) throw new RangeError(`no region ${id}`);
    return region;
  }

  get regionIds(): readonly RegionId[] {
    return this.config.regions.map(({ id }) => id);
  }

  /** Where clients of a region's gateway, or of its admin API, find it. */
  origin(id: string, listener: 'public' | 'admin' = 'public'): string {
    const region = this.region(id);
    const ports = listenerPorts(region, [listener === 'public' ? 'gateway' : 'failover']);
    return `${this.listeners.scheme}://${region.bind}:${String(ports[listener])}`;
  }

  secrets(id: string): Secrets {
    return loadSecrets(localRegionPaths(this.stateFolder, id).secretsFile);
  }

  /** A bearer token of `scope` for any region. */
  async token(scope: Scope): Promise<string> {
    const known = this.#tokens.get(scope);
    if (known !== undefined) return known;
    const keys = this.secrets(this.config.regions[0]?.id ?? '').shared.accessKeys;
    const { clusterId } = this.config;
    const base = { clusterId, keys, subject: 'test', role: 'app', ttlSeconds: 4 * 3600 };
    const token = await signAccessToken({ ...base, scopes: [scope] });
    this.#tokens.set(scope, token);
    return token;
  }

  /** POST on the public listener of `region`, as role `app`. Rejects when no answer came. */
  async post(
    region: string,
    path: string,
    { body, headers = {} }: { readonly body: unknown; readonly headers?: Record<string, string> },
  ): Promise<DataAnswer> {
    const reply = await this.listeners.fetch(`${this.origin(region)}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await this.token('data:write')}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const content = (await reply.json()) as DataAnswer['body'];
    return { status: reply.status, headers: reply.headers, body: content };
  }

  /** One statement by `POST /v1/query`. */
  async query(region: string, sql: string, options: QueryOptions = {}): Promise<DataAnswer> {
    const { params = [], headers = {}, ...rest } = options;
    return this.post(region, '/v1/query', { body: { sql, params, ...rest }, headers });
  }

  /** A call on the admin listener of `region` with the role admin. */
  async admin(region: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const reply = await this.listeners.fetch(`${this.origin(region, 'admin')}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${await this.token('admin:admin')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    return { httpStatus: reply.status, ...((await reply.json()) as Record<string, unknown>) };
  }

  /** The processes of a region as its agent sees them. */
  async agentState(region: string): Promise<AgentState> {
    const client = createAgentClient(this.region(region), this.secrets(region).own.agentToken);
    try {
      return await eventually(() => client.state());
    } finally {
      await client.close();
    }
  }

  /** Stops one region in order; `up` starts it again. */
  async stopRegion(region: string): Promise<void> {
    const client = createAgentClient(this.region(region), this.secrets(region).own.agentToken);
    await client.down();
    await client.close();
    const paths = localRegionPaths(this.stateFolder, region);
    await eventually(() => runningAgent(paths) === null, { deadlineMs: 60_000 });
  }

  /** Deletes the PostgreSQL data of a stopped region. */
  deletePostgresData(region: string): void {
    const { postgresFolder } = localRegionPaths(this.stateFolder, region);
    rmSync(postgresFolder, { recursive: true, force: true });
  }

  /** SIGKILL to every process of a region at once, as when its machine is lost; `up` starts it. */
  async killRegion(region: string): Promise<void> {
    const { agentPid, processes } = await this.agentState(region);
    const pids = processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
    for (const pid of [agentPid, ...pids]) process.kill(pid, 'SIGKILL');
  }

  /** Changes one direction between two regions of a cluster with `isWan`. */
  async wan(from: string, to: string, change: DirectionChange): Promise<void> {
    const client = localWanClient(this.stateFolder);
    if (client === null) throw new Error('the cluster was started without its WAN');
    try {
      await client.change(from, to, change);
    } finally {
      await client.close();
    }
  }

  /** Sends `signal` to one process of a region, e.g. `kafka`, `pg-1`, `redis`, `meridian`. */
  async signal(region: string, name: string, signal: NodeJS.Signals): Promise<number> {
    const { processes } = await this.agentState(region);
    const found = processes.find((process) => process.name === name);
    if (found === undefined || found.pid === null) {
      throw new Error(`${region} runs no ${name}: ${processes.map((p) => p.name).join(', ')}`);
    }
    process.kill(found.pid, signal);
    return found.pid;
  }

  #options(): Parameters<typeof startLocalCluster>[0] {
    const entry = resolve(import.meta.dirname, '../../services/cli/main.ts');
    return {
      stateFolder: this.stateFolder,
      cluster: this.config,
      wan: this.#wan,
      regionCommand: (region, hostsFile) => [
        process.execPath,
        entry,
        ...['--data', this.stateFolder, 'region', 'up', region],
        ...(hostsFile === null ? [] : ['--hosts-file', hostsFile]),
      ],
      onStep: ({ region, step, state, detail, seconds }) => {
        if (process.env['MERIDIAN_TEST_TALK'] === undefined) return;
        process.stderr.write(`${seconds.toFixed(1)} ${region} ${step} ${state} ${detail ?? ''}\n`);
      },
    };
  }
}

function readConfig(stateFolder: string): ClusterConfig {
  return loadClusterFile(clusterPaths(stateFolder).clusterFile, clusterConfigSchema, {});
}

export interface QueryOptions {
  readonly params?: readonly unknown[];
  readonly headers?: Record<string, string>;
  readonly consistency?: string;
  readonly durability?: string;
}
