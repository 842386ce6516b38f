/**
 * Three whole regions under load from clients of each, while an upstream, Redis, PostgreSQL, Kafka
 * and in the end a whole region are lost in turn: what should succeed does.
 *
 *   npm run bench:gateway-losses -- [--json] [--seconds N] [--rate N]
 *
 * Open loop, failures counted at the socket, clients do not retry. Clients of the lost region ask
 * the gateway of another one, as behind a balancer; those that ask the lost gateway are a row of
 * their own.
 */
import { parseArgs } from 'node:util';
import { figureOf, renderFigures, type Figure } from '../helpers/bench/figure.ts';
import { TestCluster } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import { percentile, startLoad, type LoadResult } from '../helpers/open-loop.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '50' },
  },
});
const [seconds, perSecond] = [Number(values.seconds), Number(values.rate)];

/** Addresses that geoip-lite's tables place near each region. */
const clients: Readonly<Record<string, string>> = {
  'eu-west': '91.198.174.192',
  'us-east': '8.8.8.8',
  'ap-south': '49.44.64.1',
};
const regions = Object.keys(clients);
/** The primary region: it has most to lose. */
const victim = 'eu-west';
const faultMs = 2000;

interface Loss {
  readonly what: string;
  /** Process of the victim region; null: all of them. */
  readonly process: string | null;
}

const losses: readonly Loss[] = [
  { what: 'the upstream of a region', process: 'sample-upstream' },
  { what: 'Redis of a region', process: 'redis' },
  { what: 'PostgreSQL of a region', process: 'pg-1' },
  { what: 'Kafka of a region', process: 'kafka' },
  { what: 'a whole region', process: null },
];

const cluster = await TestCluster.start({
  sections: { gateway: { trustedProxies: ['127.0.0.0/8'] } },
});
try {
  const figures: Figure[] = [];
  for (const loss of losses) figures.push(...(await lose(loss)));
  console.log(values.json ? JSON.stringify(figures, null, 2) : renderFigures(figures));
  if (figures.some(({ ok }) => ok === false)) process.exitCode = 1;
} finally {
  await cluster.remove();
}

async function lose({ what, process: name }: Loss): Promise<readonly Figure[]> {
  const loads = regions.flatMap((at) =>
    regions.map((near) => {
      const headers = { 'x-forwarded-for': clients[near] ?? '' };
      return { at, load: startLoad(() => originOf(at), perSecond, headers) };
    }),
  );
  const startMs = performance.now();
  await eventually(() => performance.now() - startMs > faultMs);
  if (name === null) await cluster.killRegion(victim);
  else await cluster.signal(victim, name, 'SIGKILL');
  const endMs = seconds * 1000;
  await eventually(() => performance.now() - startMs > endMs, { deadlineMs: endMs * 2 });
  const results = await Promise.all(
    loads.map(async ({ at, load }) => ({ at, result: await load.finish() })),
  );
  for (const { at, result } of results) tellFailures(`${what} killed, asked at ${at}`, result);
  const isLost = (at: string): boolean => name === null && at === victim;
  const kept = results.filter(({ at }) => !isLost(at)).map(({ result }) => result);
  const gone = results.filter(({ at }) => isLost(at)).map(({ result }) => result);
  return [
    ...judged(`${what} killed`, kept),
    ...(gone.length === 0
      ? []
      : [
          figureOf({
            ...{ what: `${what} killed: failed at the lost gateway`, unit: '' },
            value: gone.reduce((sum, { failures }) => sum + failures.length, 0),
          }),
        ]),
  ];
}

/** Each kind of failure with how often and when, for whoever looks for the cause. */
function tellFailures(what: string, { failures }: LoadResult): void {
  const kinds = Map.groupBy(failures, ({ why }) => why);
  for (const [why, alike] of kinds) {
    const times = alike.map(({ atMs }) => Math.round(atMs - faultMs));
    const span = `${String(Math.min(...times))} to ${String(Math.max(...times))} ms`;
    console.error(`${what}: ${String(alike.length)} of "${why}", ${span} after the loss`);
  }
}

function judged(what: string, results: readonly LoadResult[]): readonly Figure[] {
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  const trouble = results.flatMap(({ samples, failures }) => [
    ...samples.filter(({ tookMs }) => tookMs > 250),
    ...failures,
  ]);
  const recoveryMs = Math.max(0, ...trouble.map(({ atMs }) => atMs - faultMs));
  const tookMs = results.flatMap(({ samples }) => samples.map((sample) => sample.tookMs));
  const none = { of: 'value', atMost: 0 } as const;
  return [
    figureOf({ what: `${what}: failed of ${String(sent)}`, value: failed, unit: '', goal: none }),
    figureOf({ what: `${what}: last slow answer`, value: recoveryMs, unit: 'ms' }),
    figureOf({ what: `${what}: p99`, value: percentile(tookMs, 0.99), unit: 'ms' }),
  ];
}

function originOf(region: string): string {
  const { bind, listeners } = cluster.region(region);
  return `http://${bind}:${String(listeners.public)}/`;
}
