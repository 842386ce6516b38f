/** `meridian routes list|explain`: how requests find their region and upstream. */
import { z } from 'zod';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { renderFacts } from '../core/facts-view.ts';
import {
  renderRoutes,
  renderUpstreams,
  type BreakerRow,
  type RouteRow,
  type UpstreamRow,
} from '../core/routes-view.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface ExplainOptions {
  readonly ip: string;
  readonly path: string;
  readonly method: string;
  readonly host?: string;
  readonly tenant?: string;
  readonly header: readonly string[];
}

const facts = z.record(z.string(), z.unknown());
const list = z.object({ items: z.array(facts) });

const explainHelp = `
Examples:
  $ npx meridian routes explain --ip 203.0.113.7
  $ npx meridian routes explain --ip 203.0.113.7 --path /shop --tenant acme`;

export const addRoutes: AddVerb = (program, act) => {
  const routes = program
    .command('routes')
    .description('how requests find their region and their upstream');
  routes
    .command('list', { isDefault: true })
    .description('the routes in the order in which they are tried, and every upstream')
    .addHelpText('after', '\nExample:\n  $ npx meridian routes')
    .action(act(listRoutes));
  routes
    .command('explain')
    .description('the whole reasoning for one client address')
    .requiredOption('--ip <address>', "the client's address")
    .option('--path <path>', 'path of the request', '/')
    .option('--method <method>', 'method of the request', 'GET')
    .option('--host <name>', 'host of the request')
    .option('--tenant <name>', 'tenant of the client')
    .option('--header <line>', 'a header, "name: value"; may be repeated', collect, [])
    .addHelpText('after', explainHelp)
    .action(act(explain));
};

async function listRoutes(context: Context): Promise<ExitCode> {
  const { terminal, isJson } = context;
  const admin = openAdmin(context, 'admin:viewer');
  const read = async (what: string): Promise<unknown> =>
    (await admin.get(`/admin/${what}`, list)).items;
  const [routes, upstreams, breakers] = await Promise.all(
    ['routes', 'upstreams', 'breakers'].map(read),
  ).finally(async () => admin.close());
  if (isJson) {
    terminal.out(JSON.stringify({ routes, upstreams, breakers }, null, 2));
    return exitCodes.done;
  }
  // A gateway of the same version wrote them.
  terminal.out(renderRoutes(routes as RouteRow[], terminal.paint));
  const rows = renderUpstreams(
    upstreams as UpstreamRow[],
    breakers as BreakerRow[],
    terminal.paint,
  );
  terminal.out(`\n${rows}`);
  return exitCodes.done;
}

async function explain(context: Context, options: ExplainOptions): Promise<ExitCode> {
  const { terminal, isJson } = context;
  const { ip, path, method, host, tenant, header } = options;
  const query = new URLSearchParams({ ip, path, method });
  if (host !== undefined) query.set('host', host);
  if (tenant !== undefined) query.set('tenant', tenant);
  for (const line of header) query.append('header', line);
  const admin = openAdmin(context, 'admin:viewer');
  const answer = await admin
    .get(`/admin/routes/explain?${query.toString()}`, facts)
    .finally(async () => admin.close());
  terminal.out(isJson ? JSON.stringify(answer, null, 2) : renderFacts(answer, terminal.paint));
  return exitCodes.done;
}

function collect(line: string, before: readonly string[]): readonly string[] {
  return [...before, line];
}
