/**
 * `meridian region add|admit|reload|remove`: a region more or less while the others run. Files are
 * made here and brought to the hosts by a person; who counts is decided by the control log.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { createAgentClient } from '../../../local/agent-client.ts';
import { newKafkaNode, newRegion, secretsComment } from '../../../local/cluster-files.ts';
import { newRegionSecrets } from '../../../local/new-secrets.ts';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import { clusterConfigSchema, type ClusterConfig } from '../../../cluster-config.ts';
import type { IssuedCertificate } from '../../../../shared/auth/certificate-authority.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { addChanges, planAdd, planRemove } from '../../core/deploy/region-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { endOf } from '../../core/operation-view.ts';
import { operationSchema, outcomeOf } from '../../io/admin-schema.ts';
import { changedCluster } from '../../io/changed-cluster.ts';
import { confirm } from '../../io/confirm.ts';
import { openAdmin, openCluster, regionNamed, type Context } from '../../io/context.ts';
import { makeEmptyFolder } from '../../io/empty-folder.ts';
import { awaitOperation } from '../../io/operation.ts';
import type { Act } from '../../program.ts';

const recordBoundMs = 15_000;
const reloadBoundMs = 120_000;

/** Adds the verbs to the command `region`. */
export function addRegionChanges(region: Command, act: Act): void {
  region
    .command('add <region=host>')
    .description('files of one more region: a new cluster file for all hosts, its own secrets')
    .requiredOption('--output <folder>', 'a new or empty folder for the files')
    .option('--authority <folder>', 'the folder with ca.pem and ca-key.pem (mode tls)')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx meridian region add ca-central=10.0.0.4 --authority authority ' +
        '--output added --config meridian.yaml --secrets eu-west.secrets.yaml',
    )
    .action(act(addFiles));
  region
    .command('reload <id>')
    .description('on its host: take new regions and addresses of the cluster file, by a restart')
    .action(act(reload));
  region
    .command('admit <id>')
    .description('a region of the cluster file may become a member and the primary from now on')
    .action(act((context: Context, id: string) => change(context, 'add', id)));
  region
    .command('remove <id>')
    .description('a stopped region is none of the cluster any more; a new file for the others')
    .requiredOption('--output <folder>', 'a new or empty folder for the cluster file')
    .option('--yes', 'do not ask (for scripts)')
    .action(act(remove));
}

async function addFiles(
  context: Context,
  text: string,
  options: { readonly output: string; readonly authority?: string },
): Promise<ExitCode> {
  const { config, clusterFile, secrets } = openCluster(context);
  const plan = planAdd(config, text, Math.random());
  if (plan.kind === 'refused') throw usageError(`${plan.why}.`);
  const { region, nodeId } = plan;
  const folder = await makeEmptyFolder(options.output);
  const authority = await authorityOf(config, options.authority);
  const nodes = config.regions[0]?.nodes.length ?? 1;
  const entry = newRegion(region, newKafkaNode(nodeId, false), nodes);
  const document = changedCluster(clusterFile, addChanges(config, region, entry));
  const cluster = clusterConfigSchema.parse(document.toJS());
  const { shared } = secrets();
  const own = await newRegionSecrets(cluster, region.id, { shared, authority });
  const secretsFile = `${region.id}.secrets.yaml`;
  const mode = 0o600;
  await writeFileWhole(join(folder, secretsFile), `${secretsComment}${stringify(own)}`, { mode });
  await writeFileWhole(join(folder, 'meridian.yaml'), document.toString());
  const { terminal, isJson } = context;
  const facts = { folder, region: region.id, kafkaNodeId: nodeId };
  const { id } = region;
  const steps = [
    `Written to ${folder}: meridian.yaml for every host, ${secretsFile} for ${id} alone.`,
    'On each of the other hosts, one after the other, with the new file in place:',
    '  $ npx meridian region reload <its region>',
    `On the new host: npx meridian region up ${id}; when it follows, anywhere:`,
    `  $ npx meridian region admit ${id}`,
  ];
  terminal.out(isJson ? JSON.stringify(facts) : steps.join('\n'));
  return exitCodes.done;
}

/** Null in mode plain. */
async function authorityOf(
  config: ClusterConfig,
  folder: string | undefined,
): Promise<IssuedCertificate | null> {
  if (config.security.mode === 'plain') return null;
  if (folder === undefined) throw usageError('Mode tls needs --authority, which init wrote.');
  const read = (file: string): Promise<string> =>
    readFile(join(resolve(folder), file), 'utf8').catch(() => {
      throw new CliError(`${join(folder, file)} cannot be read.`);
    });
  return { certificate: await read('ca.pem'), key: await read('ca-key.pem') };
}

async function reload(context: Context, id: string): Promise<ExitCode> {
  const { config, secrets } = openCluster(context);
  const client = createAgentClient(regionNamed(config, id), secrets(id).own.agentToken);
  try {
    const pids = await pidsOf(client);
    if (pids === null || !(await client.reload())) {
      throw new CliError(`The agent of ${id} does not answer on this host.`);
    }
    const deadlineMs = performance.now() + reloadBoundMs;
    for (;;) {
      await sleep(250);
      const state = await client.state();
      const isNew = state?.processes.every(
        ({ name, phase, pid }) =>
          !name.startsWith('meridian') || (phase === 'running' && pid !== pids.get(name)),
      );
      if (isNew === true) break;
      if (performance.now() > deadlineMs) throw new CliError(`${id} has not come back yet.`);
    }
  } finally {
    await client.close();
  }
  context.terminal.say(`${id} runs with the cluster file as it is now`);
  return exitCodes.done;
}

async function pidsOf(
  client: ReturnType<typeof createAgentClient>,
): Promise<ReadonlyMap<string, number | null> | null> {
  const state = await client.state();
  return state === null ? null : new Map(state.processes.map(({ name, pid }) => [name, pid]));
}

async function remove(
  context: Context,
  id: string,
  options: { readonly output: string; readonly yes?: boolean },
): Promise<ExitCode> {
  const { config, clusterFile } = openCluster(context);
  const plan = planRemove(config, id);
  if (plan.kind === 'refused') {
    throw new CliError(`${id} stays: ${plan.why}.`, { exitCode: exitCodes.refused });
  }
  await confirm(context, {
    plan: `${id} will be no region of this cluster any more; its data stay on its host.`,
    word: id,
    isGiven: options.yes === true,
  });
  const folder = await makeEmptyFolder(options.output);
  await change(context, 'remove', id);
  const document = changedCluster(clusterFile, [], plan.paths);
  clusterConfigSchema.parse(document.toJS());
  await writeFileWhole(join(folder, 'meridian.yaml'), document.toString());
  context.terminal.say(`The cluster file without ${id} for every other host: ${folder}`);
  return exitCodes.done;
}

/** A record of the control log; resolves when it is read back. */
async function change(context: Context, action: 'add' | 'remove', id: string): Promise<ExitCode> {
  const admin = openAdmin(context, 'admin:admin');
  try {
    const path = `/admin/regions/${encodeURIComponent(id)}/${action}`;
    const call = { path, body: {}, idempotencyKey: randomUUID() };
    const begun = await admin.post(call, operationSchema);
    const ended = await awaitOperation(admin, { id: begun.id, timeoutMs: recordBoundMs });
    if (ended === null || endOf(ended.phase) === 'failed') {
      const why = ended === null ? 'its record was not read back in time' : outcomeOf(ended);
      throw new CliError(`${id} was not changed: ${why}.`);
    }
    const words = action === 'add' ? 'is a region of the policy' : 'is none of the policy any more';
    context.terminal.say(`${id} ${words}`);
    if (context.isJson) context.terminal.out(JSON.stringify(ended));
    return exitCodes.done;
  } finally {
    await admin.close();
  }
}
