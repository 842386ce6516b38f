/** `meridian url`: a URL for scripts; that of a PostgreSQL node comes with credentials. */
import { usageError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import { addressOf, openCluster, regionNamed, urlOf, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface UrlOptions {
  readonly gateway?: boolean;
  readonly admin?: boolean;
  readonly wire?: boolean;
  readonly node?: string;
}

export const addUrl: AddVerb = (program, act) => {
  program
    .command('url <region>')
    .description('print a URL of a region')
    .option('--gateway', 'public HTTP listener (the default)')
    .option('--admin', 'admin listener')
    .option('--wire', 'PostgreSQL wire front end: there is none yet, exits 2')
    .option('--node <id>', 'a PostgreSQL node, e.g. eu-west/pg-1, with user and password')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ curl "$(npx meridian url eu-west)/health"\n' +
        '  $ psql "$(npx meridian url eu-west --node eu-west/pg-2)"',
    )
    .action(
      act(async (context: Context, id: string, options: UrlOptions) => {
        const cluster = openCluster(context);
        const region = regionNamed(cluster.config, id);
        const chosen = [options.gateway, options.admin, options.wire, options.node !== undefined];
        if (chosen.filter((flag) => flag === true).length > 1) {
          throw usageError('Choose one of --gateway, --admin, --wire, --node.');
        }
        if (options.wire === true) {
          throw usageError(
            'There is no PostgreSQL wire front end yet.',
            'Use the HTTP data API (--gateway), or a node directly (--node).',
          );
        }
        const url =
          options.node === undefined
            ? urlOf(cluster.config, region, options.admin === true ? 'admin' : 'public')
            : nodeUrl(cluster, region, options.node);
        context.terminal.out(context.isJson ? JSON.stringify({ url }) : url);
        return Promise.resolve(exitCodes.done);
      }),
    );
};

/** `postgresql://app:…@address:port/database` of one node. */
export function nodeUrl(
  cluster: ReturnType<typeof openCluster>,
  region: ReturnType<typeof regionNamed>,
  id: string,
): string {
  const node = region.nodes.find(
    (candidate) => candidate.id === id || candidate.id.endsWith(`/${id}`),
  );
  if (node === undefined) {
    const known = region.nodes.map((candidate) => candidate.id).join(', ');
    throw usageError(`Region ${region.id} has no node ${id}.`, `Nodes: ${known}`);
  }
  const password = encodeURIComponent(cluster.secrets().shared.postgres.app);
  const host = addressOf(cluster.config, region);
  const base = `postgresql://app:${password}@${host}:${String(node.port)}`;
  const authority = cluster.authorityFile();
  const proof =
    authority === null ? '' : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(authority)}`;
  return `${base}/${cluster.config.database}${proof}`;
}
