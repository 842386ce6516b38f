/** `meridian demo`: the product's main job on real data, measured and checked. */
import { randomUUID } from 'node:crypto';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import { promisesOf, renderDemo } from '../core/demo-report.ts';
import { exitCodes } from '../core/exit-code.ts';
import { endOf } from '../core/operation-view.ts';
import { renderProgress } from '../core/progress-bar.ts';
import { createDataClient } from '../demo/data-client.ts';
import { runDemo, type DemoProgress } from '../demo/run-demo.ts';
import type { AdminApi } from '../io/admin-api.ts';
import { operationSchema, outcomeOf } from '../io/admin-schema.ts';
import { openAdmin, openCluster, urlOf, type Context } from '../io/context.ts';
import { awaitOperation } from '../io/operation.ts';
import type { AddVerb } from '../program.ts';
import { readStatus } from './status.ts';
import { verifyAll } from './verify.ts';

const switchTimeoutMs = 60_000;

export const addDemo: AddVerb = (program, act) => {
  program
    .command('demo')
    .description('load 171,075 cities, send mixed traffic from all regions, switch over, compare')
    .option('--rate <count>', 'requests per second from each region', '200')
    .option('--seconds <count>', 'how long the traffic lasts, after five in which it rises', '20')
    .addHelpText(
      'after',
      '\nExits 1 when a promise was broken.\n\nExamples:\n' +
        '  $ npm run demo\n' +
        '  $ npx meridian demo --rate 50 --seconds 10 --json',
    )
    .action(
      act(async (context: Context, options: { rate: string; seconds: string }) => {
        const ratePerRegion = positive('--rate', options.rate);
        const seconds = positive('--seconds', options.seconds);
        const report = await demo(context, { ratePerRegion, seconds });
        const { terminal, isJson } = context;
        terminal.out(isJson ? JSON.stringify(report, null, 2) : renderDemo(report, terminal.paint));
        const isKept = promisesOf(report).every((promise) => promise.isKept);
        if (!isKept) terminal.say('meridian: a promise was broken, see above');
        return isKept ? exitCodes.done : exitCodes.failed;
      }),
    );
};

async function demo(context: Context, load: { ratePerRegion: number; seconds: number }) {
  const { config, secrets } = openCluster(context);
  const admin = openAdmin(context, 'admin:operator');
  const token = await signAccessToken({
    clusterId: config.clusterId,
    keys: secrets().shared.accessKeys,
    subject: 'demo',
    scopes: ['data:write'],
    role: 'app',
    ttlSeconds: 3600,
  });
  const clients = config.regions.map((region) =>
    createDataClient(region.id, urlOf(config, region, 'public'), token),
  );
  try {
    return await runDemo({
      ...load,
      clients,
      onProgress: (progress) => show(context, progress),
      switchOver: async () => switchOver(admin),
      verify: async () => verifyAll(context, { loadPercent: 100 }),
    });
  } finally {
    await Promise.all([admin.close(), ...clients.map(async (client) => client.close())]);
  }
}

/** Makes the next region in the list the primary. */
async function switchOver(admin: AdminApi): Promise<{ from: string; to: string }> {
  const { primary, regions } = await readStatus(admin);
  const at = regions.findIndex((region) => region.id === primary);
  const from = regions[at]?.id;
  const to = regions[(at + 1) % regions.length]?.id;
  if (from === undefined || to === undefined) throw new CliError('There is no primary now.');
  const begun = await admin.post(
    {
      path: `/admin/regions/${encodeURIComponent(from)}/failover`,
      body: { kind: 'switchover', to, reason: 'demo' },
      idempotencyKey: randomUUID(),
    },
    operationSchema,
  );
  const ended = await awaitOperation(admin, { id: begun.id, timeoutMs: switchTimeoutMs });
  if (ended !== null && endOf(ended.phase) === 'done') return { from, to };
  const why = ended === null ? 'not done in time' : outcomeOf(ended);
  throw new CliError(`The switchover to ${to} did not succeed: ${why}.`);
}

function show(context: Context, progress: DemoProgress): void {
  context.terminal.progress(renderProgress(progress), progress.isLast);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw usageError(`${name} ${text} is no positive number.`);
}
