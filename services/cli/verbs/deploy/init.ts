/** `meridian init`: the files of a new cluster whose regions have hosts of their own. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  clusterComment,
  newCluster,
  secretsComment,
  securedSections,
  writeAuthority,
} from '../../../local/cluster-files.ts';
import { newSecrets } from '../../../local/new-secrets.ts';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import { clusterConfigSchema } from '../../../cluster-config.ts';
import { usageError } from '../../core/cli-error.ts';
import { explainFiles, inContainers, planInit } from '../../core/deploy/init-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import type { Context } from '../../io/context.ts';
import { emptyFolder } from '../../io/empty-folder.ts';
import type { AddVerb } from '../../program.ts';

interface InitOptions {
  readonly regions: string;
  readonly output: string;
  readonly plain?: boolean;
  readonly witness?: string;
  readonly containers?: boolean;
}

/** As in a local cluster: the region's own node and one standby. */
const nodesPerRegion = 2;

export const addInit: AddVerb = (program, act) => {
  program
    .command('init')
    .description('write cluster file, secrets and certificates for regions on hosts of their own')
    .requiredOption('--regions <region=host,...>', 'each region and its host name or IPv4 address')
    .option('--output <folder>', 'a new or empty folder for the files', 'meridian-cluster')
    .option('--witness <name=host>', 'with two regions: a host with the third vote, without data')
    .option('--containers', 'for docker-compose.regions.yml: every region binds all addresses')
    .option('--plain', 'no certificates: for loopback addresses only')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian init --regions eu-west=host1.example,us-east=host2.example,' +
        'ap-south=host3.example\n' +
        '  $ npx meridian init --regions eu-west=10.0.0.1,us-east=10.0.0.2 --output cluster',
    )
    .action(act(async (context: Context, options: InitOptions) => init(context, options)));
};

async function init(context: Context, options: InitOptions): Promise<ExitCode> {
  const plan = planInit(options.regions, options.witness ?? null);
  if (plan.kind === 'refused') throw usageError(`--regions: ${plan.why}.`);
  const hint = 'Secrets and ids are made once. Name another folder with --output.';
  const folder = emptyFolder(options.output, hint);
  const isSecured = options.plain !== true;
  if (!isSecured && options.containers === true) {
    throw usageError('--containers: mode plain binds loopback addresses only.');
  }
  const planned = newCluster(
    plan.regions,
    nodesPerRegion,
    plan.witness === null ? [] : [plan.witness],
  );
  const made = options.containers === true ? inContainers(planned) : planned;
  const cluster = isSecured ? { ...made, ...securedSections } : made;
  const checked = clusterConfigSchema.parse(cluster);
  const { secrets, witnesses, authority } = await newSecrets(checked, isSecured);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (file: string, text: string, mode = 0o644): Promise<void> =>
    writeFileWhole(join(folder, file), text, { mode });
  for (const [id, own] of [...secrets, ...witnesses]) {
    await write(`${id}.secrets.yaml`, `${secretsComment}${stringify(own)}`, 0o600);
  }
  if (authority !== null) {
    await writeAuthority(join(folder, 'authority'), authority);
  }
  await write('meridian.yaml', `${clusterComment}${stringify(cluster)}`);
  const { terminal, isJson } = context;
  const { witness, warnings } = plan;
  const regions = plan.regions.map(({ id, host, bind }) => ({ id, host, bind }));
  const isContained = options.containers === true;
  const facts = { folder, isSecured, isContained, regions, witness };
  terminal.out(isJson ? JSON.stringify({ ...facts, warnings }) : explainFiles(facts));
  for (const warning of warnings) terminal.say(`warning: ${warning}`);
  return exitCodes.done;
}
