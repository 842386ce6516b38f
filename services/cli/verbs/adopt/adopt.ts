/**
 * `meridian adopt`: what keeps an existing PostgreSQL database from a life in several regions; with
 * `--yes` it becomes the primary of epoch 1.
 */
import { connectPg, type PgTarget } from '../../../../shared/pg/client.ts';
import { isMeridianError, messageOf } from '../../../../shared/errors/meridian-error.ts';
import { readDatabaseUrl, type DatabaseUrl } from '../../core/adopt/database-url.ts';
import { obstaclesOf, preflight, type Finding } from '../../core/adopt/preflight.ts';
import { renderPreflight } from '../../core/adopt/preflight-view.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import type { AdoptionSource } from '../../../local/postgres/adoption-source.ts';
import { readAdoptFacts } from '../../io/adopt/read-facts.ts';
import { readSource } from '../../io/adopt/read-source.ts';
import { adoptingRegion, takeOver } from '../../io/adopt/take-over.ts';
import type { Context } from '../../io/context.ts';
import type { AddVerb } from '../../program.ts';

export const addAdopt: AddVerb = (program, act) => {
  program
    .command('adopt <url>')
    .description('what keeps an existing PostgreSQL database from being adopted; --yes adopts it')
    .option('--yes', 'on the host of the first region, before its first start: adopt it')
    .addHelpText(
      'after',
      '\nWithout --yes it changes nothing. The password comes from PGPASSWORD, or from the file\n' +
        'that PGPASSFILE names or ~/.pgpass. To another machine it goes by TLS alone.\n\n' +
        'Examples:\n  $ npx meridian adopt postgresql://postgres@127.0.0.1:5432/shop\n' +
        "  $ npx meridian adopt 'postgresql://postgres@db.example:5432/shop" +
        "?sslmode=verify-full&sslrootcert=ca.pem'",
    )
    .action(act(adopt));
};

async function adopt(
  context: Context,
  text: string,
  options: { readonly yes?: boolean },
): Promise<ExitCode> {
  const { terminal, isJson } = context;
  const url = urlOf(text);
  const place = options.yes === true ? adoptingRegion(context, url) : null;
  const source = readSource(context, url);
  // Told already: the old server may be closed by now.
  if (place?.isBegun !== true) {
    const findings = await findingsOf(targetOf(source));
    const isRefused = obstaclesOf(findings).length > 0;
    terminal.out(
      isJson
        ? JSON.stringify({ findings, isRefused }, null, 2)
        : renderPreflight(findings, terminal.paint),
    );
    if (isRefused) return exitCodes.refused;
  }
  if (place === null) return exitCodes.done;
  const { region } = place;
  await takeOver(context, place, source);
  terminal.say(
    `${url.database} lives in ${region.id} now, its old server lets nobody into it. Applications ` +
      `connect to a gateway, or to ${region.host}:${String(region.nodes[0]?.port)}.`,
  );
  return exitCodes.done;
}

function urlOf(text: string): DatabaseUrl {
  const read = readDatabaseUrl(text);
  if (read.kind === 'url') return read.url;
  throw usageError(`This is no URL of a database: ${read.why}.`);
}

/** A connection that cannot change anything. */
function targetOf({ tls, ...source }: AdoptionSource): PgTarget {
  return {
    ...source,
    applicationName: 'meridian-adopt',
    options: '-c default_transaction_read_only=on',
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 30_000,
    foreign: tls ?? 'plain',
  };
}

async function findingsOf(target: PgTarget): Promise<readonly Finding[]> {
  const client = await connectPg(target).catch((error: unknown) => {
    // It says what to do.
    if (isMeridianError(error)) throw error;
    const place = `${target.host}:${String(target.port)}`;
    throw new CliError(`No connection to ${target.database} at ${place}: ${messageOf(error)}`);
  });
  try {
    return preflight(await readAdoptFacts(client, target));
  } finally {
    await client.end().catch(() => undefined);
  }
}
