/**
 * `meridian rescue`: two of three regions are gone for good, and with them the control log. Offline
 * and one-way: what is left goes on as a new cluster. `reseed`: a region's data are set aside.
 */
import { randomUUID } from 'node:crypto';
import { openRegionContext, type RegionContext } from '../../../local/region-context.ts';
import { acceptsConnections } from '../../../local/process/tcp-check.ts';
import { runningAgent } from '../../../local/leftovers.ts';
import { localRegionPaths } from '../../../local/region-paths.ts';
import { formatPosition } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { createLogger } from '../../../../shared/logging/logger.ts';
import { CliError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { rescueChanges, rescuePolicy, whyNotLost } from '../../core/rescue/rescued-cluster.ts';
import { rescuedState, rescueEpoch, survivingPosition } from '../../core/rescue/rescued-state.ts';
import { dataFolderOf } from '../../io/cluster-files.ts';
import { confirm } from '../../io/confirm.ts';
import { addressOf, openCluster, regionNamed, type Context } from '../../io/context.ts';
import { changeClusterFile, disown, setAside } from '../../io/rescue/rescue-files.ts';
import { withSurvivingNode, type SurvivingNode } from '../../io/rescue/surviving-node.ts';
import type { AddVerb } from '../../program.ts';

interface RescueOptions {
  readonly dryRun?: boolean;
  readonly acceptDataLoss?: boolean;
  readonly reason: string;
  readonly yes?: boolean;
}

export const addRescue: AddVerb = (program, act) => {
  program
    .command('rescue <region>')
    .description('when most regions are gone for good: go on with this stopped one, one-way')
    .option('--dry-run', 'say what the region holds and what would happen')
    .option('--accept-data-loss', 'what only the lost regions held is given up')
    .option('--reason <text>', 'kept in the history', 'rescue by the CLI')
    .option('--yes', 'do not ask (for scripts)')
    .action(
      act(async (context: Context, id: string, options: RescueOptions) =>
        rescueRegion(context, id, options),
      ),
    );
  program
    .command('reseed <region>')
    .description('set a stopped region’s data aside; at its next start it is seeded from another')
    .option('--yes', 'do not ask (for scripts)')
    .action(
      act(async (context: Context, id: string, options: { yes?: boolean }) =>
        reseedRegion(context, id, options.yes === true),
      ),
    );
};

async function rescueRegion(
  context: Context,
  id: string,
  options: RescueOptions,
): Promise<ExitCode> {
  const region = await openStopped(context, id);
  if (region.cluster.kafka.external !== undefined) {
    throw new CliError('A rescue makes a new Kafka cluster, and this one is not of Meridian.', {
      exitCode: exitCodes.refused,
      hint: 'Restore the quorum of your Kafka cluster; its topics hold what decides.',
    });
  }
  await checkOthersAreLost(context, region);
  return withSurvivingNode(region, async (node) => rescueWith({ context, region, options, node }));
}

async function rescueWith(work: {
  readonly context: Context;
  readonly region: RegionContext;
  readonly options: RescueOptions;
  readonly node: SurvivingNode;
}): Promise<ExitCode> {
  const { context, region, options, node } = work;
  const { terminal } = context;
  const { id } = region.region;
  const position = survivingPosition(node.data);
  if (position === null) {
    throw new CliError(`${id} holds no history: it was never seeded to its end.`, {
      hint: 'Rescue another region.',
    });
  }
  const epoch = rescueEpoch(node.data);
  const others = region.cluster.regions.filter((one) => one.id !== id).map((one) => one.id);
  const plan = [
    `${id} goes on alone, as a new cluster.`,
    `It holds everything up to ${formatPosition(position)}, ` +
      `last commit ${node.commitTime ?? 'unknown'}.`,
    'What others confirmed after that is given up, and cannot be listed.',
    `Epoch ${String(epoch + 1)} follows; tokens and positions of the old cluster are refused.`,
    `${others.join(', ')}: refused until their data are set aside (npx meridian reseed).`,
  ].join('\n');
  if (context.isJson) {
    terminal.out(JSON.stringify({ region: id, position: formatPosition(position), epoch, others }));
  } else terminal.say(plan);
  if (options.dryRun === true) return exitCodes.done;
  if (options.acceptDataLoss !== true) {
    throw new CliError('A rescue gives up what only the lost regions held.', {
      exitCode: exitCodes.refused,
      hint: 'Read the above, then repeat with --accept-data-loss.',
    });
  }
  await confirm(context, {
    plan: 'There is no way back.',
    word: id,
    isGiven: options.yes === true,
  });
  const clusterId = randomUUID();
  const operation = {
    id: `rescue-${clusterId}`,
    by: `cli:${context.env['USER'] ?? 'unknown'}`,
    reason: options.reason,
    atMs: Date.now(),
  };
  const policy = rescuePolicy(id, region.cluster, clusterId);
  await node.rescue(rescuedState(node.data, position, { policy, operation }), position);
  await beginAnew(context, region, clusterId);
  return exitCodes.done;
}

/** The cluster file comes last: until it is written everything can be repeated. */
async function beginAnew(
  { terminal }: Context,
  { cluster, clusterFile, region, paths }: RegionContext,
  clusterId: string,
): Promise<void> {
  const aside = await setAside(paths.kafkaFolder, 'before-rescue');
  await disown(paths);
  const kafkaClusterId = Buffer.from(clusterId.replaceAll('-', ''), 'hex').toString('base64url');
  const changes = rescueChanges(region.id, cluster, { clusterId, kafkaClusterId });
  const kept = await changeClusterFile(clusterFile, changes);
  if (aside !== null) terminal.say(`Kafka's old data: ${aside}`);
  terminal.say(`the old cluster file: ${kept}`);
  if (cluster.security.mode === 'tls') {
    terminal.say(
      'Certificates name their cluster. Before a region starts, its own: npx meridian ' +
        `certificates renew ${paths.secretsFile} --authority <folder> --config ${clusterFile}.`,
    );
  }
  terminal.say(
    `Start it with: npx meridian region up ${region.id}. Copy ${clusterFile} to where the other ` +
      'regions will run, and set their data aside before they start. Until one of them is back, ' +
      'only writes with durability async or logged are confirmed.',
  );
}

async function reseedRegion(context: Context, id: string, isGiven: boolean): Promise<ExitCode> {
  const { config } = openCluster(context);
  const paths = localRegionPaths(
    dataFolderOf(context.options, context.env),
    regionNamed(config, id).id,
  );
  checkStopped(id, runningAgent(paths) !== null);
  await confirm(context, {
    plan: `The data of ${id} are set aside; it is seeded from another region when it starts.`,
    word: id,
    isGiven,
  });
  for (const folder of [paths.postgresFolder, paths.kafkaFolder, paths.redisFolder]) {
    const aside = await setAside(folder, 'aside');
    if (aside !== null) context.terminal.say(aside);
  }
  await disown(paths);
  context.terminal.say(`Start it with: npx meridian region up ${id}`);
  return exitCodes.done;
}

async function openStopped(context: Context, id: string): Promise<RegionContext> {
  const { config, clusterFile, secrets, secretsFile } = openCluster(context);
  const region = regionNamed(config, id);
  const stateFolder = dataFolderOf(context.options, context.env);
  const paths = { ...localRegionPaths(stateFolder, id), secretsFile: secretsFile(id) };
  checkStopped(id, runningAgent(paths) !== null);
  return openRegionContext({
    ...{ cluster: config, clusterFile, region: region.id, secrets: secrets(id), paths },
    logger: createLogger({ service: 'rescue', region: id, level: 'error' }),
  });
}

function checkStopped(id: string, isRunning: boolean): void {
  if (!isRunning) return;
  throw new CliError(`${id} is running.`, {
    exitCode: exitCodes.refused,
    hint: 'Stop it: end its `npx meridian region up`, or npx meridian down.',
  });
}

async function checkOthersAreLost(context: Context, { cluster, region }: RegionContext) {
  const { config } = openCluster(context);
  const asked = config.regions
    .filter(({ id }) => id !== region.id)
    .map(async (other): Promise<RegionId[]> => {
      const host = addressOf(config, other);
      const ports = [other.kafka.controllerPort, other.listeners.peer, other.agentPort];
      const heard = await Promise.all(ports.map((port) => acceptsConnections({ host, port })));
      return heard.includes(true) ? [other.id] : [];
    });
  const why = whyNotLost(region.id, cluster, (await Promise.all(asked)).flat());
  if (why === null) return;
  throw new CliError(`Nothing is lost for good: ${why}.`, {
    exitCode: exitCodes.refused,
    hint: 'npx meridian failover --to <region> changes the primary.',
  });
}
