/** Where the cluster file and the secrets are: named by options, else in the data folder. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { clusterPaths, localRegionPaths } from '../../local/region-paths.ts';

export interface FileOptions {
  readonly data?: string;
  readonly config?: string;
  readonly secrets?: string;
}

export interface ClusterPlace {
  readonly clusterFile: string;
  /** Null when the file does not exist or may not be read. */
  secretsFile(region: string): string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

const repositoryFolder = resolve(import.meta.dirname, '../../..');

/** Null when no cluster was ever made here. */
export function locateCluster(options: FileOptions, env: Environment): ClusterPlace | null {
  const folder = dataFolderOf(options, env);
  const named = options.config ?? env['MERIDIAN_CONFIG'];
  const clusterFile = resolve(named ?? clusterPaths(folder).clusterFile);
  if (named === undefined && !existsSync(clusterFile)) return null;
  const secrets = namedSecrets(options, env);
  return {
    clusterFile,
    secretsFile(region) {
      const file = resolve(secrets ?? localRegionPaths(folder, region).secretsFile);
      return isReadable(file) ? file : null;
    },
  };
}

/** The secrets file that was named; undefined: each region's in the data folder. */
export function namedSecrets(options: FileOptions, env: Environment): string | undefined {
  return options.secrets ?? env['MERIDIAN_SECRETS'];
}

/** `--data`, else MERIDIAN_DATA, else `.meridian` beside package.json. */
export function dataFolderOf(options: FileOptions, env: Environment): string {
  return resolve(options.data ?? env['MERIDIAN_DATA'] ?? join(repositoryFolder, '.meridian'));
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
