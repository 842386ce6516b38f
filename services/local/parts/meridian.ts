/** The region's Meridian process, services/main.ts: every service, or a subset in each process. */
import { join } from 'node:path';
import { serviceNames, type ServiceName } from '../../../shared/config/cluster-schema.ts';
import { answersOk } from '../../../shared/http/bearer-client.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import { ManagedProcess, type ProcessSpec } from '../process/managed-process.ts';
import { nodeEnvironment } from '../programs.ts';
import type { RegionContext } from '../region-context.ts';
import { processFiles } from './process-files.ts';

export interface MeridianProcessConfig {
  readonly name: string;
  readonly services: readonly ServiceName[];
  readonly listeners: { readonly public: number; readonly admin: number; readonly peer: number };
}

/**
 * Options of Node for a process of these services. A gateway by itself keeps little for long: a
 * young generation of 8 MB instead of 16 costs it little time and saves memory (decision 0031).
 */
export function nodeOptionsOf(services: readonly ServiceName[]): readonly string[] {
  return isGatewayAlone(services) ? ['--max-semi-space-size=8'] : [];
}

function isGatewayAlone(services: readonly ServiceName[]): boolean {
  return services.length === 1 && services[0] === 'gateway';
}

/** What the cluster file asks for: the services that no process of their own runs share one. */
export function meridianProcesses(region: RegionContext['region']): MeridianProcessConfig[] {
  const split = region.processes.map(({ services, listeners }) => ({
    name: `meridian-${services.join('-')}`,
    services,
    listeners,
  }));
  const taken = new Set(split.flatMap(({ services }) => services));
  const rest = serviceNames.filter((name) => !taken.has(name));
  if (rest.length === 0) return split;
  return [{ name: 'meridian', services: rest, listeners: region.listeners }, ...split];
}

/** One process of Meridian's own services, not yet started. */
export function createMeridianProcess(
  context: RegionContext,
  config: MeridianProcessConfig,
): ManagedProcess {
  return new ManagedProcess({
    ...processFiles(context, config.name),
    stopSignal: 'SIGTERM',
    stopBoundMs: 17_000,
    deathSignal: 'SIGKILL',
    logger: context.logger,
    prepare: () => Promise.resolve(meridianSpec(context, config)),
  });
}

function meridianSpec(context: RegionContext, config: MeridianProcessConfig): ProcessSpec {
  const { region, paths, programs, clusterFile } = context;
  const program = join(programs.repositoryFolder, 'services/main.ts');
  const ports = Object.values(config.listeners);
  // A gateway may be started beside another one that is to end (`gateway.reusePort`).
  const reusePort = isGatewayAlone(config.services);
  const told = ['--config', clusterFile, '--secrets', paths.secretsFile, '--region', region.id];
  const hosts = ['--hosts-file', paths.hostsJsonFile];
  const services = ['--services', config.services.join(',')];
  return {
    program: programs.node,
    args: [...nodeOptionsOf(config.services), program, ...told, ...hosts, ...services],
    env: nodeEnvironment(programs),
    folder: paths.folder,
    runAs: null,
    addresses: ports.map((port) => ({ host: region.bind, port, reusePort })),
    isAnswering: () => answersOk(internalOrigin(region.bind, config.listeners.admin), '/health'),
  };
}
