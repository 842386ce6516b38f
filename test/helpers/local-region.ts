/** Regions of a throw-away cluster, for tests of the node agent: folders, addresses, contexts. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterConfigSchema, type ClusterConfig } from '../../services/cluster-config.ts';
import { ensureClusterFiles } from '../../services/local/cluster-files.ts';
import { openRegionContext, type RegionContext } from '../../services/local/region-context.ts';
import { clusterPaths, localRegionPaths } from '../../services/local/region-paths.ts';
import { loadClusterFile, loadSecrets } from '../../shared/config/load.ts';
import { createLogger } from '../../shared/logging/logger.ts';
import { parseRegionId, type RegionId } from '../../shared/core/region.ts';

export interface LocalFiles {
  readonly stateFolder: string;
  readonly cluster: ClusterConfig;
  /** The context of region `id`, silent; `of` another cluster than the files say. */
  context(id: string, of?: ClusterConfig): Promise<RegionContext>;
  remove(): void;
}

/** Cluster file and secrets of `ids` on addresses that no other test uses. */
export async function makeLocalFiles(ids: readonly string[]): Promise<LocalFiles> {
  const stateFolder = mkdtempSync(join(tmpdir(), 'meridian-local-'));
  chmodSync(stateFolder, 0o755);
  const network = `127.${String(80 + randomBelow(160))}.${String(1 + randomBelow(250))}`;
  const regions = ids.map((id, index) => ({
    ...{ id, name: id, bind: `${network}.${String(index + 2)}` },
    ...{ latitude: 10 * index, longitude: 10 * index },
  }));
  await ensureClusterFiles(stateFolder, { regions });
  const { clusterFile } = clusterPaths(stateFolder);
  const cluster = loadClusterFile(clusterFile, clusterConfigSchema, {});
  return {
    stateFolder,
    cluster,
    async context(id, of = cluster) {
      const paths = localRegionPaths(stateFolder, id);
      const secrets = loadSecrets(paths.secretsFile);
      const logger = createLogger({ service: 'test', region: id, level: 'silent' });
      return openRegionContext({
        ...{ cluster: of, clusterFile, region: regionId(id), secrets, paths, logger },
      });
    },
    remove: () => rmSync(stateFolder, { recursive: true, force: true }),
  };
}

function regionId(text: string): RegionId {
  const id = parseRegionId(text);
  if (id === null) throw new RangeError(`${text} is no region id`);
  return id;
}

function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}
