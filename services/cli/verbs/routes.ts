/** `meridian routes explain`: which region would serve a client, and why. */
import { z } from 'zod';
import { exitCodes } from '../core/exit-code.ts';
import { renderFacts } from '../core/facts-view.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface ExplainOptions {
  readonly ip: string;
  readonly path: string;
}

export const addRoutes: AddVerb = (program, act) => {
  const routes = program.command('routes').description('how requests find their region');
  routes
    .command('explain')
    .description('the whole reasoning for one client address')
    .requiredOption('--ip <address>', "the client's address")
    .option('--path <path>', 'path of the request', '/')
    .addHelpText('after', '\nExample:\n  $ npx meridian routes explain --ip 203.0.113.7 --path /')
    .action(
      act(async (context: Context, options: ExplainOptions) => {
        const admin = openAdmin(context, 'admin:viewer');
        const query = new URLSearchParams({ ip: options.ip, path: options.path });
        const answer = await admin
          .get(`/admin/routes/explain?${query.toString()}`, z.record(z.string(), z.unknown()))
          .finally(async () => admin.close());
        context.terminal.out(
          context.isJson
            ? JSON.stringify(answer, null, 2)
            : renderFacts(answer, context.terminal.paint),
        );
        return exitCodes.done;
      }),
    );
};
