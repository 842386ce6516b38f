/** `meridian psql`: an SQL prompt on a PostgreSQL node, by the psql of this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CliError, usageError } from '../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { openAdmin, openCluster, regionNamed, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';
import { readStatus } from './status.ts';
import { nodeUrl } from './url.ts';

type PsqlArguments = [id: string | undefined, args: string[], options: { node?: string }];

export const addPsql: AddVerb = (program, act) => {
  program
    .command('psql [region] [args...]')
    .description('open psql on the primary (or on a standby of the given region)')
    .option('--node <id>', 'a certain node, e.g. eu-west/pg-2')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian psql\n' +
        "  $ npx meridian psql us-east -- -c 'SELECT count(*) FROM demo.city'",
    )
    .action(
      act(async (context: Context, ...[first, rest, options]: PsqlArguments) => {
        // `psql -- -c …` names no region: the first word is an argument already.
        const isRegion = first !== undefined && !first.startsWith('-');
        const id = isRegion ? first : undefined;
        const args = isRegion || first === undefined ? rest : [first, ...rest];
        const cluster = openCluster(context);
        const primary = id === undefined ? await primaryOf(context) : null;
        const region = regionNamed(cluster.config, id ?? primary ?? '');
        const url = nodeUrl(cluster, region, options.node ?? defaultNode(region, primary));
        return runPsql(url, args);
      }),
    );
};

async function runPsql(url: string, args: readonly string[]): Promise<ExitCode> {
  const child = spawn('psql', [withoutPassword(url), ...args], {
    stdio: 'inherit',
    // Arguments can be read by every user of the machine; the environment cannot.
    env: { ...process.env, PGPASSWORD: decodeURIComponent(new URL(url).password) },
  });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0 ? exitCodes.done : exitCodes.failed;
  } catch {
    throw new CliError('psql is not installed here.', {
      hint: 'Debian: apt-get install postgresql-client. Other clients: npx meridian url --help',
    });
  }
}

async function primaryOf(context: Context): Promise<string> {
  const admin = openAdmin(context, 'admin:viewer');
  const status = await readStatus(admin).finally(async () => admin.close());
  if (status.primary === null) throw usageError('There is no primary now; name a region.');
  return status.primary;
}

/** A replica region's own node admits Meridian alone: applications read at its standbys. */
function defaultNode(region: ReturnType<typeof regionNamed>, primary: string | null): string {
  const node = primary === null ? (region.nodes[1] ?? region.nodes[0]) : region.nodes[0];
  return node?.id ?? '';
}

function withoutPassword(url: string): string {
  const bare = new URL(url);
  bare.password = '';
  return bare.href;
}
