/** The region's Redis: its settings and its process. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redisUser } from '../../../shared/redis/client.ts';
import { redisAgentUser } from '../../../shared/redis/reload-certificates.ts';
import { tlsFiles } from '../tls-files.ts';
import { acceptsConnections } from '../process/tcp-check.ts';
import { ManagedProcess, type ProcessSpec } from '../process/managed-process.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { RegionContext } from '../region-context.ts';
import { processFiles } from './process-files.ts';

/** The process of the region's Redis, not yet started. */
export function createRedisProcess(context: RegionContext): ManagedProcess {
  return new ManagedProcess({
    ...processFiles(context, 'redis'),
    stopSignal: 'SIGTERM',
    stopBoundMs: 5000,
    deathSignal: 'SIGKILL',
    logger: context.logger,
    prepare: () => prepareRedis(context),
  });
}

async function prepareRedis(context: RegionContext): Promise<ProcessSpec> {
  const { region, paths, programs } = context;
  await mkdir(paths.redisFolder, { recursive: true });
  const fixed = await readFile(join(programs.repositoryFolder, 'infra/redis/redis.conf'), 'utf8');
  const settingsFile = join(paths.redisFolder, 'redis.conf');
  await writeFileWhole(settingsFile, `${fixed}\n${redisSettings(context)}`, { mode: 0o600 });
  const address = { host: region.bind, port: region.redis.port };
  return {
    program: programs.redisServer,
    args: [settingsFile],
    env: { PATH: process.env['PATH'] },
    folder: paths.redisFolder,
    runAs: null,
    addresses: [address],
    isAnswering: () => acceptsConnections(address),
  };
}

/** The settings that differ by region; infra/redis/redis.conf has the others. */
export function redisSettings({
  region,
  paths,
  secrets,
}: {
  readonly region: RegionContext['region'];
  readonly paths: Pick<RegionContext['paths'], 'redisFolder' | 'tlsFolder'>;
  readonly secrets: RegionContext['secrets'];
}): string {
  const port = String(region.redis.port);
  const { redisPassword, agentToken, certificates } = secrets.own;
  const files = tlsFiles(paths.tlsFolder);
  const access =
    certificates === undefined
      ? [`port ${port}`, `requirepass "${redisPassword}"`]
      : [
          ...['port 0', `tls-port ${port}`, 'tls-auth-clients yes', 'tls-protocols "TLSv1.3"'],
          `tls-cert-file "${files.certificate}"`,
          `tls-key-file "${files.key}"`,
          `tls-ca-cert-file "${files.authority}"`,
          'user default off',
          `user ${redisUser} on >${redisPassword} ~* &* +@all -@admin -@dangerous`,
          `user ${redisAgentUser} on >${agentToken} resetkeys resetchannels -@all +config|set`,
        ];
  return [`bind ${region.bind}`, ...access, `dir "${paths.redisFolder}"`, ''].join('\n');
}
