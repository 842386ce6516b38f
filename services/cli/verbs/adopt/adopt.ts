/** `meridian adopt`: what keeps an existing PostgreSQL database from a life in several regions. */
import { connectPg, type PgTarget } from '../../../../shared/pg/client.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { readDatabaseUrl, type DatabaseUrl } from '../../core/adopt/database-url.ts';
import { obstaclesOf, preflight, type Finding } from '../../core/adopt/preflight.ts';
import { renderPreflight } from '../../core/adopt/preflight-view.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { readAdoptFacts } from '../../io/adopt/read-facts.ts';
import type { Context } from '../../io/context.ts';
import type { AddVerb } from '../../program.ts';

export const addAdopt: AddVerb = (program, act) => {
  program
    .command('adopt <url>')
    .description('what keeps an existing PostgreSQL database from being adopted, with each fix')
    .addHelpText(
      'after',
      '\nIt changes nothing; the adoption itself is not built yet. The password comes from ' +
        'PGPASSWORD.\n\nExample:\n' +
        '  $ npx meridian adopt postgresql://postgres@db.example:5432/shop',
    )
    .action(act(async (context: Context, url: string) => adopt(context, url)));
};

async function adopt(context: Context, text: string): Promise<ExitCode> {
  const { terminal, isJson } = context;
  const target = targetOf(urlOf(text), context.env);
  const findings = await findingsOf(target);
  const isRefused = obstaclesOf(findings).length > 0;
  terminal.out(
    isJson
      ? JSON.stringify({ findings, isRefused }, null, 2)
      : renderPreflight(findings, terminal.paint),
  );
  return isRefused ? exitCodes.refused : exitCodes.done;
}

function urlOf(text: string): DatabaseUrl {
  const read = readDatabaseUrl(text);
  if (read.kind === 'url') return read.url;
  throw usageError(`This is no URL of a database: ${read.why}.`);
}

/** A connection that cannot change anything. */
function targetOf(url: DatabaseUrl, env: Context['env']): PgTarget {
  return {
    ...url,
    password: env['PGPASSWORD'] ?? '',
    applicationName: 'meridian-adopt',
    options: '-c default_transaction_read_only=on',
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 30_000,
  };
}

/** How many regions a cluster has that nobody described. */
const regionsDefault = 3;

async function findingsOf(target: PgTarget): Promise<readonly Finding[]> {
  const client = await connectPg(target).catch((error: unknown) => {
    const place = `${target.host}:${String(target.port)}`;
    throw new CliError(`No connection to ${target.database} at ${place}: ${messageOf(error)}`);
  });
  try {
    return preflight(await readAdoptFacts(client, regionsDefault));
  } finally {
    await client.end().catch(() => undefined);
  }
}
