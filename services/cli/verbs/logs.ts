/** `meridian logs`: the log files of the local cluster's processes. */
import { localRegionPaths } from '../../local/region-paths.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import { dataFolderOf } from '../io/cluster-files.ts';
import { openCluster, regionNamed, type Context } from '../io/context.ts';
import { logFilesIn, processOf, tailLogs, type LogSource } from '../io/log-tail.ts';
import { onStopSignal } from '../io/stop-signal.ts';
import type { AddVerb } from '../program.ts';

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: string;
  readonly process?: string;
}

export const addLogs: AddVerb = (program, act) => {
  program
    .command('logs [region]')
    .description('the last lines of every log file, or of those of one region')
    .option('-f, --follow', 'and what is written from now on, until Ctrl-C')
    .option('-n, --lines <count>', 'how many lines of each file', '20')
    .option('--process <name>', 'only this process, e.g. meridian, kafka, redis, pg-1')
    .addHelpText('after', '\nExample:\n  $ npx meridian logs eu-west --process meridian --follow')
    .action(
      act(async (context: Context, id: string | undefined, options: LogsOptions) => {
        const lines = Number(options.lines);
        if (!Number.isInteger(lines) || lines < 0) throw usageError('--lines takes a number.');
        const sources = await logSources(context, id, options.process);
        const stop = onStopSignal();
        const { terminal, isJson } = context;
        await tailLogs(sources, {
          lines,
          follow: options.follow === true,
          signal: stop,
          onLine: ({ label }, line) => {
            terminal.out(
              isJson
                ? JSON.stringify({ source: label, line })
                : `${terminal.paint('cyan', label)}  ${line}`,
            );
          },
        });
        return exitCodes.done;
      }),
    );
};

async function logSources(
  context: Context,
  id: string | undefined,
  processName: string | undefined,
): Promise<LogSource[]> {
  const { config } = openCluster(context);
  const regions = id === undefined ? config.regions : [regionNamed(config, id)];
  const folder = dataFolderOf(context.options, context.env);
  const found: LogSource[] = [];
  for (const region of regions) {
    const files = await logFilesIn(localRegionPaths(folder, region.id).logsFolder);
    for (const file of files) {
      if (processName !== undefined && processOf(file) !== processName) continue;
      found.push({ label: `${region.id}/${processOf(file)}`, file });
    }
  }
  if (found.length > 0) return found;
  throw new CliError('There are no such log files here.', {
    hint: 'Logs are written below the data folder of the machine that runs the region.',
  });
}
