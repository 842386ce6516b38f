/** `meridian regions list|show`. */
import { exitCodes } from '../core/exit-code.ts';
import { renderNodes, renderStatus } from '../core/status-view.ts';
import { usageError } from '../core/cli-error.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';
import { readStatus } from './status.ts';

export const addRegions: AddVerb = (program, act) => {
  const regions = program.command('regions').description('the regions and their nodes');
  regions
    .command('list', { isDefault: true })
    .description('one line per region')
    .action(
      act(async (context: Context) => {
        const { terminal, isJson } = context;
        const admin = openAdmin(context, 'admin:viewer');
        const status = await readStatus(admin).finally(async () => admin.close());
        terminal.out(
          isJson ? JSON.stringify(status.regions, null, 2) : renderStatus(status, terminal.paint),
        );
        return exitCodes.done;
      }),
    );
  regions
    .command('show <region>')
    .description('one region with its PostgreSQL nodes')
    .action(
      act(async (context: Context, id: string) => {
        const { terminal, isJson } = context;
        const admin = openAdmin(context, 'admin:viewer');
        const status = await readStatus(admin).finally(async () => admin.close());
        const region = status.regions.find((candidate) => candidate.id === id);
        if (region === undefined) {
          const known = status.regions.map((candidate) => candidate.id).join(', ');
          throw usageError(`There is no region ${id}.`, `Regions: ${known}`);
        }
        if (isJson) {
          terminal.out(JSON.stringify(region, null, 2));
        } else {
          const facts = renderStatus({ ...status, regions: [region] }, terminal.paint);
          terminal.out(`${facts}\n${renderNodes(region, terminal.paint)}`);
        }
        return exitCodes.done;
      }),
    );
};
