/** `meridian region up`: one region's node agent in the foreground. `settings`: for containers. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

import { createLogger, type Logger } from '../../../shared/logging/logger.ts';
import { openLogFile } from '../../local/process/log-file.ts';
import { runRegion } from '../../local/node-agent.ts';
import { localRegionPaths } from '../../local/region-paths.ts';
import { watchRegion } from '../../local/region-progress.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { usageError } from '../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { dataFolderOf } from '../io/cluster-files.ts';
import { openCluster, readCluster, regionNamed, type Context } from '../io/context.ts';
import { writeContainerSettings } from '../io/container-settings.ts';
import { createStepPrinter } from '../io/step-printer.ts';
import { prepareOnce } from '../io/prepare-once.ts';
import { onStopSignal } from '../io/stop-signal.ts';
import type { AddVerb } from '../program.ts';
import { addRegionChanges } from './deploy/region-change.ts';
import { addVoteChanges } from './deploy/vote-change.ts';
import { witnessUp } from './deploy/witness-up.ts';

interface RegionUpOptions {
  readonly hostsFile?: string;
  readonly only?: string;
}

export const addRegion: AddVerb = (program, act) => {
  const region = program.command('region').description('one region of the cluster on this host');
  region
    .command('up <id>')
    .description('start one region and stay in the foreground; alone, in any order')
    .option('--hosts-file <file>', 'JSON map of host names to addresses, over the cluster file')
    .option('--only <part>', 'postgres: where Kafka, Redis and Meridian run beside it (containers)')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian region up eu-west\n' +
        '  $ npx meridian region up eu-west --config meridian.yaml --secrets eu-west.yaml',
    )
    .action(
      act(async (context: Context, id: string, options: RegionUpOptions) =>
        regionUp(context, id, options),
      ),
    );
  region
    .command('settings <id>')
    .description("write the settings of a region's Kafka and Redis, for containers of their own")
    .requiredOption('--out <folder>', 'where kafka.properties, kafka.env and redis.conf go')
    .action(
      act(async (context: Context, id: string, options: { out: string }) => {
        const { config, secrets } = openCluster(context);
        const chosen = regionNamed(config, id);
        await writeContainerSettings(options.out, { config, region: chosen, secrets: secrets(id) });
        context.terminal.say(`settings of ${id} written to ${options.out}`);
        return exitCodes.done;
      }),
    );
  addRegionChanges(region, act);
  addVoteChanges(region, act);
};

async function regionUp(context: Context, id: string, options: RegionUpOptions): Promise<ExitCode> {
  if (options.only !== undefined && options.only !== 'postgres') {
    throw usageError(`--only ${options.only}: there is only postgres.`);
  }
  const { terminal } = context;
  const stateFolder = dataFolderOf(context.options, context.env);
  const named = context.options.config ?? context.env['MERIDIAN_CONFIG'];
  if (named === undefined) await prepareOnce(stateFolder);
  const hosts = options.hostsFile === undefined ? {} : { hosts: readHosts(options.hostsFile) };
  const { config } = readCluster(context);
  const witness = config.witnesses.find((one) => one.id === id);
  if (witness !== undefined && config.kafka.external !== undefined) {
    throw usageError(`The broker of ${id} is not Meridian's to start: kafka.external.`);
  }
  if (witness !== undefined) return witnessUp(context, { config, witness, hosts });
  const { clusterFile, secrets, secretsFile } = openCluster(context);
  const region = regionNamed(config, id);
  const paths = { ...localRegionPaths(stateFolder, id), secretsFile: secretsFile(id) };
  const stop = onStopSignal();
  // On a terminal a person reads the steps; the log is in its file, as after `up`.
  const logger = terminal.isInteractive ? await logIntoFile(region.id, paths.logsFolder) : null;
  const running = await runRegion({
    cluster: config,
    clusterFile,
    region: region.id,
    secrets: secrets(id),
    paths,
    readCluster: () => readCluster(context).config,
    onlyPostgres: options.only === 'postgres',
    ...(logger === null ? {} : { logger }),
    ...hosts,
  });
  stop.addEventListener('abort', () => void running.stop(), { once: true });
  const watch = watchRegion(region, createStepPrinter(terminal));
  // `down` may come before the region is up, and from elsewhere.
  const gone = new AbortController();
  void running.stopped.then(() => gone.abort());
  const ended = AbortSignal.any([stop, gone.signal]);
  let isUp = false;
  while (!isUp && !ended.aborted) {
    isUp = await watch.see(running.state());
    if (!isUp) await sleep(500, ended);
  }
  if (isUp) terminal.say(`${id} serves${terminal.isInteractive ? '; Ctrl-C stops it' : ''}`);
  await running.stopped;
  return exitCodes.done;
}

async function logIntoFile(region: string, logsFolder: string): Promise<Logger> {
  await mkdir(logsFolder, { recursive: true });
  const descriptor = openLogFile(join(logsFolder, 'agent.log'));
  return createLogger({ service: 'agent', region, level: 'info', descriptor });
}

function readHosts(file: string): Record<string, string> {
  const text = readFileSync(resolve(file), 'utf8');
  return z.record(z.string(), z.ipv4()).parse(JSON.parse(text));
}
