/** Log files of a cluster, kept after its folder is removed. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import type { TestCluster } from '../../helpers/cluster.ts';

/** Copies every region's log files to `<folder>/<region>/`. */
export function keepLogs(cluster: TestCluster, folder: string): void {
  for (const region of cluster.regionIds) {
    const { logsFolder } = localRegionPaths(cluster.stateFolder, region);
    cpSync(logsFolder, join(folder, region), { recursive: true });
  }
}
