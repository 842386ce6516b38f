/** Name, log file and pid file of a region's process. */
import { join } from 'node:path';
import type { RegionContext } from '../region-context.ts';

export function processFiles(
  context: Pick<RegionContext, 'paths'>,
  name: string,
): { name: string; logFile: string; pidFile: string } {
  return {
    name,
    logFile: join(context.paths.logsFolder, `${name}.log`),
    pidFile: join(context.paths.runFolder, `${name}.pid`),
  };
}
