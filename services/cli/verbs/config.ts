/** `meridian config check|show`: the cluster file and the secrets, without their values. */
import { stringify } from 'yaml';
import { clusterConfigSchema } from '../../cluster-config.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import { hideSecrets } from '../core/hide-secrets.ts';
import { locateCluster } from '../io/cluster-files.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

export const addConfig: AddVerb = (program, act) => {
  const config = program.command('config').description('check or show the configuration');
  config
    .command('check [file]')
    .description('check the cluster file (and the secrets that are readable here)')
    .action(
      act(async (context: Context, file: string | undefined) => {
        const { clusterFile, secrets, cluster } = read(context, file);
        const facts = { clusterFile, regions: cluster.regions.map((region) => region.id), secrets };
        if (context.isJson) {
          context.terminal.out(JSON.stringify({ valid: true, ...facts }, null, 2));
        } else {
          context.terminal.out(`${clusterFile}: valid, ${String(facts.regions.length)} regions`);
          for (const place of secrets) context.terminal.out(`${place}: valid`);
        }
        return Promise.resolve(exitCodes.done);
      }),
    );
  config
    .command('show [region]')
    .description('every key with the value in force; secrets are hidden')
    .action(
      act(async (context: Context, id: string | undefined) => {
        const { cluster, secretsOf } = read(context, undefined);
        if (id !== undefined && !cluster.regions.some((region) => region.id === id)) {
          throw usageError(`There is no region ${id}.`);
        }
        const shown = id === undefined ? cluster : { ...cluster, secrets: secretsOf(id) };
        context.terminal.out(context.isJson ? JSON.stringify(shown, null, 2) : stringify(shown));
        return Promise.resolve(exitCodes.done);
      }),
    );
};

function read(context: Context, named: string | undefined) {
  const options = named === undefined ? context.options : { ...context.options, config: named };
  const place = locateCluster(options, context.env);
  if (place === null) {
    const hint = 'Name a file, or run npm start once to make it.';
    throw new CliError('There is no cluster file here.', { hint });
  }
  const cluster = loadClusterFile(place.clusterFile, clusterConfigSchema, context.env);
  const files = cluster.regions
    .map((region) => place.secretsFile(region.id))
    .filter((path) => path !== null);
  const secrets = [...new Set(files)];
  for (const path of secrets) loadSecrets(path);
  const secretsOf = (region: string): unknown => {
    const path = place.secretsFile(region);
    return path === null ? null : hideSecrets(loadSecrets(path));
  };
  return { clusterFile: place.clusterFile, cluster, secrets, secretsOf };
}
