/**
 * A witness: a host with a Kafka node only, the third vote of two regions. It holds a copy of the
 * control log and no data, and its secrets open nothing else.
 */
import { mkdir } from 'node:fs/promises';
import type { ClusterBase, KafkaPlace } from '../../shared/config/cluster-schema.ts';
import type { WitnessSecrets } from '../../shared/config/secrets-schema.ts';
import { checkWitness } from '../../shared/config/security.ts';
import { createLogger, type Logger } from '../../shared/logging/logger.ts';
import { installHostResolver } from '../../shared/runtime/host-resolver.ts';
import { agentPidFile } from './leftovers.ts';
import { createKafkaProcess } from './parts/kafka.ts';
import { rotateLogFile } from './process/log-file.ts';
import type { ProcessState } from './process/managed-process.ts';
import {
  identityOf,
  readPidFile,
  removePidFile,
  writePidFile,
} from './process/process-identity.ts';
import { writeFileWhole } from './process/whole-file.ts';
import { locatePrograms } from './programs.ts';
import { claimFolder, hostsOf, hostsText } from './region-context.ts';
import type { RegionPaths } from './region-paths.ts';
import { writeBrokerFiles } from './tls-files.ts';

export interface WitnessOptions {
  readonly cluster: ClusterBase;
  readonly witness: KafkaPlace;
  readonly secrets: WitnessSecrets;
  readonly paths: RegionPaths;
  readonly hosts?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}

export interface RunningWitness {
  state(): ProcessState;
  stop(): Promise<void>;
}

const rotationIntervalMs = 10_000;

/** Starts the Kafka node. Throws in plain words when it must not run or runs already. */
export async function runWitness(options: WitnessOptions): Promise<RunningWitness> {
  const { cluster, witness, secrets, paths } = options;
  checkWitness(cluster, secrets);
  const logger =
    options.logger ?? createLogger({ service: 'agent', region: witness.id, level: 'info' });
  const hosts = hostsOf(cluster, witness, options.hosts ?? {});
  installHostResolver(hosts);
  for (const path of [paths.folder, paths.logsFolder, paths.runFolder]) {
    await mkdir(path, { recursive: true });
  }
  await claimFolder(paths, cluster, witness.id);
  const pidFile = agentPidFile(paths);
  const other = readPidFile(pidFile);
  if (other !== null) {
    throw new Error(`${witness.id} is running already: process ${String(other.pid)}.`);
  }
  const own = identityOf(process.pid);
  if (own !== null) writePidFile(pidFile, own);
  await writeFileWhole(paths.hostsTextFile, hostsText(hosts));
  await writeBrokerFiles(paths.tlsFolder, secrets);
  const programs = locatePrograms();
  const kafka = createKafkaProcess({ cluster, region: witness, paths, programs, hosts, logger });
  const rotation = setInterval(() => rotateLogFile(kafka.state().logFile), rotationIntervalMs);
  kafka.start();
  return {
    state: () => kafka.state(),
    async stop() {
      clearInterval(rotation);
      await kafka.stop();
      removePidFile(pidFile);
    },
  };
}
