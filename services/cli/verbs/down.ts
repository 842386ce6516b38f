/** `meridian down`: stops every region of the local cluster, in order; data stay. */
import { stopLocalCluster } from '../../local/local-cluster.ts';
import { exitCodes } from '../core/exit-code.ts';
import { dataFolderOf } from '../io/cluster-files.ts';
import type { Context } from '../io/context.ts';
import { createStepPrinter } from '../io/step-printer.ts';
import type { AddVerb } from '../program.ts';
import { readCluster } from './up.ts';

export const addDown: AddVerb = (program, act) => {
  program
    .command('down')
    .description('stop every region of the local cluster; the data stay')
    .action(
      act(async (context: Context) => {
        const { terminal, isJson } = context;
        const stateFolder = dataFolderOf(context.options, context.env);
        const cluster = readCluster(context, stateFolder);
        const onStep = createStepPrinter(terminal);
        const stopped = await stopLocalCluster({ stateFolder, cluster, onStep });
        if (isJson) terminal.out(JSON.stringify({ stopped }));
        else terminal.say(stopped.length === 0 ? 'nothing was running' : 'everything is stopped');
        return exitCodes.done;
      }),
    );
};
