/**
 * A cluster as `meridian init` writes it for regions on hosts of their own, each started by
 * `region up` with its own cluster file, secrets and data folder; loopback addresses stand for the
 * hosts, and nothing else is shared.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Agent, request } from 'undici';
import { parse, stringify } from 'yaml';
import { clusterConfigSchema, type ClusterConfig } from '../../../services/cluster-config.ts';
import { signAccessToken, type Scope } from '../../../shared/auth/access-token.ts';
import { kafkaPlaces, type RegionConfig } from '../../../shared/config/cluster-schema.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { linkIdentityOf } from '../../../shared/config/security.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import { createBearerClient, type BearerReply } from '../../../shared/http/bearer-client.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { runCli, type CliResult } from '../cli/cli-run.ts';

const repositoryFolder = resolve(import.meta.dirname, '../../..');

interface Host {
  readonly folder: string;
  child: ChildProcess | null;
}

export interface HowToMake {
  readonly witness?: string;
  /** `init --containers`; only this region runs in them, the first in a network of its own. */
  readonly contained?: { readonly region: string; readonly network: string };
}

export class SecuredHosts {
  readonly folder: string;
  config: ClusterConfig;
  readonly #hosts = new Map<string, Host>();

  private constructor(folder: string) {
    this.folder = folder;
    this.config = loadClusterFile(join(folder, 'cluster/meridian.yaml'), clusterConfigSchema, {});
    for (const { id } of kafkaPlaces(this.config)) this.bring(id, 'cluster');
    installLinkIdentity(
      linkIdentityOf(this.config, this.secrets(this.config.regions[0]?.id ?? '')),
    );
  }

  /** Runs `meridian init` and gives each host its files. */
  static async make(regions: readonly string[], how: HowToMake = {}): Promise<SecuredHosts> {
    const { witness, contained } = how;
    const folder = mkdtempSync(join(tmpdir(), 'meridian-hosts-'));
    chmodSync(folder, 0o755);
    const loopback = `127.${80 + Math.floor(Math.random() * 160)}.${process.pid % 250}`;
    const network = contained?.network ?? loopback;
    const list = regions.map((id, index) => `${id}=${network}.${2 + index}`).join(',');
    const output = join(folder, 'cluster');
    const third =
      witness === undefined ? [] : ['--witness', `${witness}=${network}.${2 + regions.length}`];
    const containers = contained === undefined ? [] : ['--containers'];
    const flags = [...third, ...containers, '--output', output];
    const made = await runCli(['init', '--regions', list, ...flags], {});
    if (made.code !== 0) throw new Error(made.err);
    if (contained !== undefined) bindOthers(join(output, 'meridian.yaml'), contained.region);
    return new SecuredHosts(folder);
  }

  /** Brings the files in `made`, a folder beside the hosts', to the host of `id`. */
  bring(id: string, made: string): void {
    const host = join(this.folder, id);
    mkdirSync(host, { mode: 0o755, recursive: true });
    copyFileSync(join(this.folder, made, 'meridian.yaml'), join(host, 'meridian.yaml'));
    const secrets = join(this.folder, made, `${id}.secrets.yaml`);
    if (existsSync(secrets)) copyFileSync(secrets, join(host, 'secrets.yaml'));
    chmodSync(join(host, 'secrets.yaml'), 0o600);
    if (!this.#hosts.has(id)) this.#hosts.set(id, { folder: host, child: null });
  }

  /** From now on this test knows the regions of the cluster file in `made`. */
  know(made: string): void {
    const file = join(this.folder, made, 'meridian.yaml');
    this.config = loadClusterFile(file, clusterConfigSchema, {});
    const first = this.config.regions[0]?.id ?? '';
    installLinkIdentity(linkIdentityOf(this.config, this.secrets(first)));
  }

  /** Files of a region's host. */
  fileOf(id: string, name: 'meridian.yaml' | 'secrets.yaml'): string {
    return join(this.#host(id).folder, name);
  }

  secrets(id: string): Secrets {
    return loadSecrets(this.fileOf(id, 'secrets.yaml'));
  }

  region(id: string): RegionConfig {
    const region = this.config.regions.find((candidate) => candidate.id === id);
    if (region === undefined) throw new RangeError(`no region ${id}`);
    return region;
  }

  /** The options that every command on a host is given. */
  flags(id: string): string[] {
    const data = join(this.#host(id).folder, 'data');
    const files = ['--config', this.fileOf(id, 'meridian.yaml')];
    return [...files, '--secrets', this.fileOf(id, 'secrets.yaml'), '--data', data];
  }

  /** `meridian region up` on the host of `id`, with the programs in `folder` or named in `env`. */
  up(id: string, folder = repositoryFolder, env: NodeJS.ProcessEnv = {}): void {
    const host = this.#host(id);
    const args = [join(folder, 'services/cli/main.ts'), 'region', 'up', id, ...this.flags(id)];
    const talk = openSync(join(host.folder, 'talk'), 'a');
    host.child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', talk],
      env: { ...process.env, ...env },
    });
    closeSync(talk);
  }

  /** What `region up` has said to a person on the host of `id`. */
  talk(id: string): string {
    const file = join(this.#host(id).folder, 'talk');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** The host of `id` loses its power: the kernel ends what the agent started, with it. */
  async kill(id: string): Promise<void> {
    const { child } = this.#host(id);
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** The disk of a lost host is gone with it; files of the cluster are brought again. */
  wipe(id: string): void {
    rmSync(this.dataFolder(id), { recursive: true, force: true });
  }

  /** Topics that the Kafka node of `id` holds. */
  topics(id: string): string[] {
    const folder = join(this.#host(id).folder, `data/regions/${id}/kafka/data`);
    const partitions = readdirSync(folder).filter((name) => /^[a-z].*-\d+$/.test(name));
    return partitions.map((name) => name.replace(/-\d+$/, ''));
  }

  async down(id: string): Promise<void> {
    const { child } = this.#host(id);
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** A command on the host of `id`. */
  run(id: string, args: readonly string[]): Promise<CliResult> {
    return runCli([...args, ...this.flags(id)], {});
  }

  async token(scope: Scope): Promise<string> {
    const keys = this.secrets(this.config.regions[0]?.id ?? '').shared.accessKeys;
    const { clusterId } = this.config;
    const base = { clusterId, keys, subject: 'test', role: 'app', ttlSeconds: 3600 };
    return signAccessToken({ ...base, scopes: [scope] });
  }

  /** One statement at the gateway of `id`, over TLS. Throws what a problem document names. */
  async query(id: string, sql: string, consistency = 'session'): Promise<BearerReply> {
    const { host, listeners } = this.region(id);
    const address = this.config.hosts[host] ?? host;
    const origin = `https://${address}:${listeners.public}`;
    const client = createBearerClient(origin, () => this.token('data:write'));
    try {
      const body = { sql, consistency };
      return await client.call({ method: 'POST', path: '/v1/query', body, timeoutMs: 20_000 });
    } finally {
      await client.close();
    }
  }

  /** The status of a read at the gateway of `id` with `token`. */
  async statusWith(id: string, token: string): Promise<number> {
    return this.#statusOf(id, 'public', {
      ...{ method: 'POST', path: '/v1/query', body: { sql: 'SELECT 1', consistency: 'eventual' } },
      token,
    }).then(({ status }) => status);
  }

  /** GET on the admin listener of `id`. */
  async admin(
    id: string,
    path: string,
    token: string,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    return this.#statusOf(id, 'admin', { method: 'GET', path, token });
  }

  dataFolder(id: string): string {
    return join(this.#host(id).folder, 'data');
  }

  /** What the processes of `id` wrote, for a test that failed. */
  log(id: string, name: string): string {
    return readFileSync(join(this.#host(id).folder, `data/regions/${id}/logs/${name}.log`), 'utf8');
  }

  async remove(): Promise<void> {
    await Promise.all([...this.#hosts.keys()].map((id) => this.down(id)));
    installLinkIdentity(null);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #statusOf(
    id: string,
    listener: 'public' | 'admin',
    call: {
      readonly method: 'GET' | 'POST';
      readonly path: string;
      readonly body?: object;
      readonly token: string;
    },
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const { host, listeners } = this.region(id);
    const origin = `https://${this.config.hosts[host] ?? host}:${listeners[listener]}`;
    const ca = this.secrets(id).shared.authority ?? '';
    const agent = new Agent({ connect: { ca } });
    try {
      const reply = await request(`${origin}${call.path}`, {
        dispatcher: agent,
        method: call.method,
        headers: { authorization: `Bearer ${call.token}`, 'content-type': 'application/json' },
        body: call.body === undefined ? null : JSON.stringify(call.body),
      });
      const text = await reply.body.text();
      const isJson = String(reply.headers['content-type']).includes('json');
      const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
      return { status: reply.statusCode, body };
    } finally {
      await agent.destroy();
    }
  }

  #host(id: string): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new RangeError(`no host of ${id}`);
    return host;
  }
}

/** The regions beside the containers run side by side on one machine: each binds its address. */
function bindOthers(clusterFile: string, contained: string): void {
  const cluster = parse(readFileSync(clusterFile, 'utf8')) as Pick<ClusterConfig, 'hosts'> & {
    regions: { id: string; host: string; bind: string }[];
  };
  for (const region of cluster.regions) {
    if (region.id !== contained) region.bind = cluster.hosts[region.host] ?? region.bind;
  }
  writeFileSync(clusterFile, stringify(cluster));
}
