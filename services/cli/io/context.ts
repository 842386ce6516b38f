/** What every verb works with: the terminal, the options before the verb, the cluster they name. */
import { existsSync } from 'node:fs';
import { localRegionPaths } from '../../local/region-paths.ts';
import { tlsFiles } from '../../local/tls-files.ts';
import { clusterConfigSchema, type ClusterConfig } from '../../cluster-config.ts';
import { signAccessToken, type Scope } from '../../../shared/auth/access-token.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { brokerAddress, type RegionConfig } from '../../../shared/config/cluster-schema.ts';
import { installExternalKafka } from '../../../shared/kafka/external/kafka-access.ts';
import { linkIdentityOf, regionsByHostOf } from '../../../shared/config/security.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import type { ExternalPart } from '../core/status-document.ts';
import { AdminApi } from './admin-api.ts';
import { dataFolderOf, locateCluster, type ClusterPlace } from './cluster-files.ts';
import { readOperatorFile, type OperatorIdentity } from './operator-certificate.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface GlobalOptions {
  readonly data?: string;
  readonly config?: string;
  readonly secrets?: string;
  readonly endpoint?: string;
  readonly json?: boolean;
  readonly color: boolean;
}

export interface Context {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isJson: boolean;
}

export interface OpenCluster {
  readonly config: ClusterConfig;
  readonly clusterFile: string;
  /** The secrets of a region, or of any region whose file is readable here. */
  secrets(region?: string): Secrets;
  /** The authority's certificate on this host, for programs of others; null in mode plain. */
  authorityFile(): string | null;
  /** The file that holds them; throws when it cannot be read here. */
  secretsFile(region?: string): string;
}

/** The context of one run of the program. */
export function createContext(
  options: GlobalOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Context {
  const terminal = createTerminal({ colour: options.color });
  return { terminal, options, env, isJson: options.json === true };
}

/** The cluster file of `--config`, or of the data folder; throws when there is none. */
export function readCluster(context: Context): { config: ClusterConfig; place: ClusterPlace } {
  const place = locateCluster(context.options, context.env);
  if (place === null) {
    throw new CliError('There is no cluster here yet.', {
      hint: 'Start one with: npm start (or name its file with --config).',
    });
  }
  return { config: loadClusterFile(place.clusterFile, clusterConfigSchema, context.env), place };
}

/** The same with the secrets that are readable here, which this program's links then use. */
export function openCluster(context: Context): OpenCluster {
  const { config, place } = readCluster(context);
  speakFor(context, config, place);
  const secretsFile = (region?: string): string => {
    const regions = region === undefined ? config.regions.map(({ id }) => id) : [region];
    const file = regions.map((id) => place.secretsFile(id)).find((path) => path !== null);
    if (file !== undefined && file !== null) return file;
    throw new CliError(`No secrets file of ${region ?? 'any region'} is readable here.`, {
      hint: 'Name one with --secrets, or use MERIDIAN_TOKEN with --endpoint.',
    });
  };
  return {
    config,
    clusterFile: place.clusterFile,
    authorityFile: () => authorityOf(context, config),
    secretsFile,
    secrets: (region) => loadSecrets(secretsFile(region)),
  };
}

function authorityOf(context: Context, config: ClusterConfig): string | null {
  if (config.security.mode === 'plain') return null;
  const folder = dataFolderOf(context.options, context.env);
  const files = config.regions.map(({ id }) => tlsFiles(localRegionPaths(folder, id).tlsFolder));
  const file = files.find(({ authority }) => existsSync(authority))?.authority;
  if (file !== undefined) return file;
  throw new CliError("The authority's certificate is not on this host yet.", {
    hint: 'meridian region up writes it to the data folder; name that with --data.',
  });
}

/**
 * This program speaks for an operator, or for a region whose secrets it may read, else it is
 * refused everywhere.
 */
function speakFor(context: Context, config: ClusterConfig, place: ClusterPlace): void {
  if (config.security.mode === 'plain' && config.kafka.external === undefined) return;
  const files = config.regions.map(({ id }) => place.secretsFile(id));
  const file = files.find((path) => path !== null) ?? null;
  if (file !== null) {
    const secrets = loadSecrets(file);
    installLinkIdentity(linkIdentityOf(config, secrets));
    installExternalKafka(config, secrets);
  }
  const operator = operatorOf(context);
  if (operator === null) return;
  installLinkIdentity({ ...operator, regionsByHost: regionsByHostOf(config) });
}

/** Whose certificate the admin API is shown instead of a token; null: nobody's was named. */
function operatorOf(context: Context): OperatorIdentity | null {
  const file = context.env['MERIDIAN_CERTIFICATE'];
  return file === undefined || file === '' ? null : readOperatorFile(file);
}

/** The region `id` of the cluster file; a usage error names the known ones. */
export function regionNamed(config: ClusterConfig, id: string): RegionConfig {
  const region = config.regions.find((candidate) => candidate.id === id);
  if (region !== undefined) return region;
  const known = config.regions.map((candidate) => candidate.id).join(', ');
  throw usageError(`There is no region ${id}.`, `Regions: ${known}`);
}

/** Address to dial a region from here: the map of the cluster file, else its host name. */
export function addressOf(config: ClusterConfig, region: RegionConfig): string {
  return config.hosts[region.host] ?? region.host;
}

/** URL of one of a region's listeners. */
export function urlOf(
  config: ClusterConfig,
  region: RegionConfig,
  listener: 'public' | 'admin',
): string {
  const isSecured =
    config.security.mode === 'tls' || (listener === 'public' && config.gateway.tls !== undefined);
  const place = `${addressOf(config, region)}:${String(region.listeners[listener])}`;
  return `${isSecured ? 'https' : 'http'}://${place}`;
}

/**
 * The admin API of `--endpoint` (with MERIDIAN_TOKEN or MERIDIAN_CERTIFICATE), else of the cluster
 * file's regions.
 */
export function openAdmin(context: Context, scope: Scope): AdminApi {
  const endpoint = context.options.endpoint ?? context.env['MERIDIAN_ENDPOINT'];
  const token = tokenSource(context, scope);
  if (endpoint !== undefined) {
    const operator = operatorOf(context);
    if (operator !== null) installLinkIdentity({ ...operator, regionsByHost: new Map() });
    const endpoints = endpoint.split(',').map((url) => ({ id: url, adminUrl: checkedUrl(url) }));
    return new AdminApi({ endpoints, listed: [], token });
  }
  const { config } = openCluster(context);
  const listed = config.regions.map((region) => ({
    id: region.id,
    name: region.name,
    nodes: region.nodes.map((node) => node.id),
    gatewayUrl: urlOf(config, region, 'public'),
    adminUrl: urlOf(config, region, 'admin'),
    external: externalPartsOf(config, region),
  }));
  return new AdminApi({ endpoints: listed, listed, token });
}

function externalPartsOf({ kafka }: ClusterConfig, region: RegionConfig): readonly ExternalPart[] {
  const { external, port } = region.redis;
  const parts: ExternalPart[] = [];
  if (kafka.external !== undefined) parts.push({ name: 'kafka', place: brokerAddress(region) });
  if (external !== undefined) parts.push({ name: 'redis', place: `${external.host}:${port}` });
  return parts;
}

/**
 * MERIDIAN_TOKEN, else none when an operator's certificate is shown, else a short-lived token
 * signed with the local secrets.
 */
export function tokenSource(context: Context, scope: Scope): () => Promise<string | null> {
  const given = context.env['MERIDIAN_TOKEN'];
  if (given !== undefined && given !== '') return async () => Promise.resolve(given);
  if (operatorOf(context) !== null) return async () => Promise.resolve(null);
  let made: Promise<string> | null = null;
  return async () => (made ??= signOwn(context, scope));
}

async function signOwn(context: Context, scope: Scope): Promise<string> {
  const cluster = openCluster(context);
  return signAccessToken({
    clusterId: cluster.config.clusterId,
    keys: cluster.secrets().shared.accessKeys,
    subject: `cli:${context.env['USER'] ?? 'unknown'}`,
    scopes: [scope],
    role: 'app',
    ttlSeconds: 3600,
  });
}

function checkedUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw usageError(`--endpoint ${text} is no URL.`, 'For instance http://127.0.0.2:7081');
}
