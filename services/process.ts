/**
 * One Meridian process: reads configuration, has its services made by `main`, registers their
 * routes on three listeners, starts them and stops them in order.
 */
import { clusterConfigSchema, type ClusterConfig } from './cluster-config.ts';
import type { Compose, Composition } from './composition.ts';
import { createListeners } from './listeners.ts';
import { readProcessOptions, type ProcessOptions } from './process-options.ts';
import { loadClusterFile, loadSecrets } from '../shared/config/load.ts';
import { checkSecurity, linkIdentityOf } from '../shared/config/security.ts';
import { followSecrets } from '../shared/config/follow-secrets.ts';
import { liveSecrets } from '../shared/config/live-keys.ts';
import { regionOfConfig } from '../shared/config/cluster-schema.ts';
import { followConfig, type LiveConfig } from '../shared/config/reload.ts';
import type { Secrets } from '../shared/config/secrets-schema.ts';
import { InvariantBroken } from '../shared/core/assert.ts';
import { isMeridianError, MeridianError, messageOf } from '../shared/errors/meridian-error.ts';
import { createLogger, type Logger } from '../shared/logging/logger.ts';
import { createMetrics } from '../shared/metrics/metrics.ts';
import { installExternalKafka } from '../shared/kafka/external/kafka-access.ts';
import { installHostResolver } from '../shared/runtime/host-resolver.ts';
import { installLinkIdentity } from '../shared/runtime/link-security.ts';
import { createShutdown } from '../shared/runtime/shutdown.ts';

/** Sections of the cluster file that take effect while running. */
const reloadable = ['log.level', 'gateway'];
/** Beyond the time that the gateway's own drain may take. */
const stopBoundMs = 5000;

/** Runs until a signal stops it; a wrong configuration ends it with exit code 2. */
export function runProcess(compose: Compose): void {
  start(compose).catch((error: unknown) => {
    const hint = isMeridianError(error) ? (error.details.hint ?? '') : '';
    process.stderr.write(`meridian: ${messageOf(error)}\n${hint === '' ? '' : `${hint}\n`}`);
    if (!isMeridianError(error)) process.stderr.write(`${String((error as Error).stack)}\n`);
    process.exit(isMeridianError(error, 'ConfigInvalid') ? 2 : 1);
  });
}

async function start(compose: Compose): Promise<void> {
  const options = readProcessOptions(process.argv.slice(2), process.env);
  const keys = liveSecrets(secretsFor(options));
  const { secrets } = keys;
  const load = (): ClusterConfig =>
    loadClusterFile(options.configPath, clusterConfigSchema, process.env);
  const first = load();
  const service = options.services.length === 4 ? 'meridian' : options.services.join('+');
  const logger = createLogger({ service, region: options.region, level: first.log.level });
  endOnBrokenInvariant(logger);
  ignoreKnownWarnings();
  checkSecurity(first, secrets);
  installLinkIdentity(linkIdentityOf(first, secrets));
  installExternalKafka(first, secrets);
  followSecrets({
    path: options.secretsPath,
    logger,
    onChange: (changed) => {
      checkSecurity(first, changed);
      installLinkIdentity(linkIdentityOf(first, changed));
      keys.take(changed);
    },
  });
  installHostResolver({ ...first.hosts, ...options.hosts });
  const live = followConfig({ path: options.configPath, load, reloadable, logger });
  live.onChange((config) => (logger.level = config.log.level));
  await run(options, { live, secrets, logger, compose });
}

interface Inputs {
  readonly live: LiveConfig<ClusterConfig>;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly compose: Compose;
}

async function run(options: ProcessOptions, inputs: Inputs): Promise<void> {
  const { live, secrets, logger } = inputs;
  const cluster = live.current();
  const region = regionOfConfig(cluster, options.region);
  const { drainNoticeMs, drainMs } = cluster.gateway;
  const shutdown = createShutdown(logger, drainNoticeMs + drainMs + stopBoundMs);
  const metrics = createMetrics();
  const composition = await inputs.compose({ options, cluster, secrets, logger, metrics });
  live.onChange((config) => composition.reload(config));
  let isDraining = false;
  const listeners = await createListeners({
    cluster,
    region,
    secrets,
    logger,
    metrics,
    composition,
    services: options.services,
    isDraining: () => isDraining,
    live,
  });
  shutdown.onStop('configuration', () => Promise.resolve(live.stop()));
  shutdown.onStop('composition', () => composition.close());
  const edge = composition.services.filter(({ name }) => name === 'gateway');
  const others = composition.services.filter(({ name }) => name !== 'gateway');
  // What still comes in by connections that are there is the gateway's to answer.
  shutdown.onStop('gateway', () => stopServices(edge));
  shutdown.onStop('listeners', () => listeners.close());
  shutdown.onStop('services', () => stopServices(others));
  shutdown.onStop('drain', async () => {
    isDraining = true;
    for (const { service } of composition.services) await service.announceEnd?.();
    await Promise.all(composition.services.map(({ service }) => service.drain()));
  });
  await listeners.listen();
  for (const { name, service } of composition.services) {
    await service.start();
    logger.info({ part: name }, 'service started');
  }
  process.send?.('started');
}

async function stopServices(services: Composition['services']): Promise<void> {
  for (const { service } of services.toReversed()) await service.stop();
}

function secretsFor(options: ProcessOptions): Secrets {
  const secrets = loadSecrets(options.secretsPath);
  if (secrets.region === options.region) return secrets;
  const hint = 'Each region has a secrets file of its own.';
  const message = `${options.secretsPath} is of region ${secrets.region}, not ${options.region}.`;
  throw new MeridianError('ConfigInvalid', message, { hint });
}

/** A broken invariant ends the process: the lease lapses and others take over. */
function endOnBrokenInvariant(logger: Logger): void {
  const end = (error: unknown): void => {
    const broken = error instanceof InvariantBroken;
    logger.fatal({ err: error }, broken ? 'invariant broken' : 'unexpected error');
    logger.flush();
    process.exit(broken ? 70 : 1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

/** kafkajs on Node 24 prints a harmless TimeoutNegativeWarning; that one only is left out. */
function ignoreKnownWarnings(): void {
  const listeners = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'TimeoutNegativeWarning') return;
    for (const listener of listeners) listener(warning);
  });
}
