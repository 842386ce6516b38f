/** `meridian up`: every region of the local cluster, side by side, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { clusterConfigSchema, type ClusterConfig } from '../../cluster-config.ts';
import {
  removeLocalCluster,
  startLocalCluster,
  stopLocalCluster,
  type LocalClusterOptions,
} from '../../local/local-cluster.ts';
import { clusterPaths } from '../../local/region-paths.ts';
import { loadClusterFile } from '../../../shared/config/load.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { renderNextSteps } from '../core/next-steps.ts';
import { renderStatus } from '../core/status-view.ts';
import { dataFolderOf } from '../io/cluster-files.ts';
import { confirm } from '../io/confirm.ts';
import { openAdmin, type Context } from '../io/context.ts';
import { prepareOnce } from '../io/prepare-once.ts';
import { createStepPrinter } from '../io/step-printer.ts';
import { onStopSignal } from '../io/stop-signal.ts';
import { watchAgents } from '../io/watch-agents.ts';
import type { AddVerb } from '../program.ts';
import { readStatus } from './status.ts';

interface UpOptions {
  readonly detach?: boolean;
  readonly fresh?: boolean;
  readonly wan?: boolean;
  readonly tls?: boolean;
  readonly yes?: boolean;
}

const entryFile = resolve(import.meta.dirname, '../main.ts');

export const addUp: AddVerb = (program, act) => {
  program
    .command('up')
    .description('start every region of the local cluster')
    .option('--detach', 'return when all regions serve; meridian down stops them')
    .option('--wan', 'put TCP proxies with the latency of real distances between the regions')
    .option('--tls', 'a new cluster with certificates on every link (security.mode tls)')
    .option('--fresh', 'delete the data of the local cluster first')
    .option('--yes', 'do not ask before deleting')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npm start\n  $ npx meridian up --detach\n' +
        '  $ npm start -- --wan --fresh --yes',
    )
    .action(act(async (context: Context, options: UpOptions) => up(context, options)));
};

async function up(context: Context, options: UpOptions): Promise<ExitCode> {
  const { terminal } = context;
  const stateFolder = dataFolderOf(context.options, context.env);
  if (options.fresh === true) await startOver(context, stateFolder, options.yes === true);
  await prepareOnce(stateFolder, { isSecured: options.tls === true });
  const cluster = readCluster(context, stateFolder);
  if (options.tls === true && cluster.security.mode !== 'tls') {
    throw usageError(`The cluster in ${stateFolder} is plain.`, 'Add --fresh to make a new one.');
  }
  const stop = onStopSignal();
  const local: LocalClusterOptions = {
    stateFolder,
    cluster,
    wan: options.wan === true,
    regionCommand: (region, hostsFile) => [
      process.execPath,
      ...[entryFile, 'region', 'up', region, '--data', stateFolder],
      ...(hostsFile === null ? [] : ['--hosts-file', hostsFile]),
    ],
    onStep: createStepPrinter(terminal),
  };
  const startedMs = performance.now();
  const running = await startLocalCluster(local);
  try {
    await unlessStopped(running.ready, stop);
  } catch (error) {
    await running.stop();
    if (stop.aborted) return exitCodes.done;
    throw new CliError(messageOf(error), { hint: 'More in: npx meridian logs' });
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  terminal.say(`\n${String(cluster.regions.length)} regions are up after ${String(seconds)} s\n`);
  await showStatus(context, options.detach !== true);
  if (options.detach === true) return exitCodes.done;
  await watchAgents({ stateFolder, cluster, onLine: (line) => terminal.say(line), signal: stop });
  terminal.say('stopping …');
  await running.stop();
  return exitCodes.done;
}

/** Stops what runs and deletes the data, once confirmed. */
async function startOver(context: Context, stateFolder: string, isGiven: boolean): Promise<void> {
  const { clusterFile } = clusterPaths(stateFolder);
  if (!existsSync(clusterFile)) return;
  const cluster = readCluster(context, stateFolder);
  await confirm(context, {
    plan: `This deletes every row of the cluster in ${stateFolder}.`,
    word: 'delete',
    isGiven,
  });
  await stopLocalCluster({ stateFolder, cluster, onStep: createStepPrinter(context.terminal) });
  await removeLocalCluster(
    stateFolder,
    cluster.regions.map(({ id }) => id),
  );
}

/** The cluster of the data folder itself: `up` never starts another one's regions. */
export function readCluster(context: Context, stateFolder: string): ClusterConfig {
  const file = clusterPaths(stateFolder).clusterFile;
  if (!existsSync(file)) {
    throw new CliError('There is no cluster here yet.', {
      hint: `Start one with: npm start (looked for ${join(stateFolder, 'meridian.yaml')}).`,
    });
  }
  return loadClusterFile(file, clusterConfigSchema, context.env);
}

async function unlessStopped(work: Promise<void>, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
  });
  await Promise.race([work, stopped]);
}

async function showStatus(context: Context, isForeground: boolean): Promise<void> {
  const { terminal, isJson } = context;
  const admin = openAdmin(context, 'admin:viewer');
  const status = await readStatus(admin).finally(async () => admin.close());
  terminal.out(isJson ? JSON.stringify(status, null, 2) : renderStatus(status, terminal.paint));
  const other = status.regions.find((region) => region.id !== status.primary)?.id ?? null;
  const gatewayUrl = status.regions[0]?.gatewayUrl ?? '';
  terminal.say(renderNextSteps({ gatewayUrl, other, isForeground }));
}
