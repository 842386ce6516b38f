/**
 * Proxying "hello" by one process each, over the same upstream: direct, nginx, HAProxy, bare
 * undici dispatch, @fastify/http-proxy and Meridian's gateway, with routing alone and with all
 * policies; then the gateway as two processes.
 *
 *   npm run bench:gateway -- [--json] [--seconds N] [--rounds N] [--connections N] [--streams N]
 *
 * `--json` prints a list of {what, value, unit, peer, peerValue, ratio, goal, ok}. Needs wrk;
 * nginx and HAProxy: one that is not installed is a figure that is missed. Exit code 1 when one is.
 */
import { parseArgs } from 'node:util';
import {
  figureOf,
  median,
  renderFigures,
  type Figure,
  type Goal,
} from '../helpers/bench/figure.ts';
import { whileCapped } from '../helpers/bench/capped.ts';
import {
  startBench,
  type Candidate,
  type GatewayBench,
} from '../helpers/bench/gateway-candidates.ts';
import { provePolicies } from '../helpers/bench/gateway-policies.ts';
import { runWrk, type WrkResult } from '../helpers/bench/wrk.ts';
import { percentile, startLoad } from '../helpers/open-loop.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
    streams: { type: 'string', default: '500' },
  },
});
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
const [connections, streams] = [Number(values.connections), Number(values.streams)];
const steadyPerSecond = 500;
const policies = 'JWT by JWKS, limit in Redis, address list, three regions, security headers';
/** Of a core, for each gateway while scaling is measured: wrk and the upstream need the rest. */
const cappedShare = 0.25;

const bench = await startBench();
try {
  const runs = await measure(bench.candidates);
  const figures = [
    ...absent(bench.missing),
    ...throughput(runs),
    ...(await latency(bench)),
    ...(await refusals(bench)),
    ...(await memory(bench)),
    ...(await scaling(bench)),
  ];
  if (values.json) console.log(JSON.stringify(figures, null, 2));
  else console.log(renderFigures(figures));
  if (figures.some(({ ok }) => ok === false)) process.exitCode = 1;
} finally {
  await bench.stop();
}

type Runs = ReadonlyMap<string, readonly WrkResult[]>;

/** Rounds interleave the candidates, so that a busy moment hits all alike. */
async function measure(candidates: readonly Candidate[]): Promise<Runs> {
  const results = new Map<string, WrkResult[]>(candidates.map(({ name }) => [name, []]));
  for (const { url, script, pids } of candidates) {
    await runWrk({ url, script, pids, seconds: 1, connections });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, url, script, pids } of candidates) {
      results.get(name)?.push(await runWrk({ url, script, pids, seconds, connections }));
    }
  }
  return results;
}

/**
 * Requests per second and processor time per request, medians; ratios are medians of the rounds'
 * own ratios, because both sides of one round had the same machine.
 */
function throughput(runs: Runs): readonly Figure[] {
  const of = (name: string, what: keyof WrkResult): number =>
    median((runs.get(name) ?? []).map((run) => run[what]));
  const against = (name: string, peer: string, goal: Goal): Figure => {
    const figure = figureOf({
      ...{ what: `${name}: requests`, value: of(name, 'perSecond'), unit: '/s', goal },
      peer: { name: peer, value: of(peer, 'perSecond') },
    });
    const pairs = (runs.get(name) ?? []).map(
      (run, round) => run.perSecond / (runs.get(peer)?.[round]?.perSecond ?? NaN),
    );
    const ratio = Math.round(median(pairs) * 1000) / 1000;
    return { ...figure, ratio, ok: ratio >= (goal.atLeast ?? 0) };
  };
  const failed = [...runs].flatMap(([name, all]) =>
    name.startsWith('meridian') ? all.map((run) => run.failed) : [],
  );
  return [
    ...[...runs.keys()].map((name) =>
      figureOf({ what: `${name}: requests`, value: of(name, 'perSecond'), unit: '/s' }),
    ),
    ...[...runs.keys()].map((name) =>
      figureOf({ what: `${name}: processor per request`, value: of(name, 'cpuUs'), unit: 'us' }),
    ),
    against('meridian, routing', 'bare undici dispatch', { of: 'ratio', atLeast: 0.9 }),
    against('meridian, all policies', '@fastify/http-proxy', { of: 'ratio', atLeast: 1.25 }),
    // Other work on the machine moves requests per second more than processor time.
    ...(
      [
        ['meridian, routing', 'bare undici dispatch'],
        ['meridian, all policies', '@fastify/http-proxy'],
      ] as const
    ).map(([name, peer]) =>
      figureOf({
        ...{ what: `${name}: processor per request`, value: of(name, 'cpuUs'), unit: 'us' },
        peer: { name: peer, value: of(peer, 'cpuUs') },
      }),
    ),
    figureOf({
      ...{ what: 'meridian: requests that failed', unit: '', goal: { of: 'value', atMost: 0 } },
      value: failed.reduce((sum, one) => sum + one, 0),
    }),
  ];
}

/** What the gateway adds to a request at a steady rate, far from what it could do. */
async function latency({
  candidates,
  policies: { tokens },
}: GatewayBench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  let direct: readonly number[] = [];
  for (const { name, url } of candidates) {
    if (name !== 'direct' && !name.startsWith('meridian')) continue;
    const load = startLoad(() => url, steadyPerSecond, {
      authorization: `Bearer ${tokens[0] ?? ''}`,
    });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const { samples } = await load.finish();
    const tookMs = samples.filter(({ atMs }) => atMs > 500).map((sample) => sample.tookMs);
    if (name === 'direct') direct = tookMs;
    for (const share of [0.5, 0.99]) {
      const what = `${name}: p${String(share * 100)} at ${String(steadyPerSecond)}/s`;
      const value = percentile(tookMs, share);
      figures.push(figureOf({ what, value, unit: 'ms' }));
      if (name === 'direct') continue;
      const added = value - percentile(direct, share);
      figures.push(figureOf({ what: `${what}, added`, value: added, unit: 'ms' }));
    }
  }
  return figures;
}

/** Three requests that must be refused, while a load runs that must not; who decided that load. */
async function refusals(running: GatewayBench): Promise<readonly Figure[]> {
  const candidate = running.candidates.find(({ name }) => name === 'meridian, all policies');
  if (candidate === undefined) return [];
  const { url, script, pids } = candidate;
  const decisions = (labels: string): Promise<number> =>
    running.policies.gateway.metric('meridian_gateway_decisions_total', labels);
  const before = [await decisions('why="nearest"'), await decisions('')] as const;
  const load = runWrk({ url, script, pids, seconds: 4, connections });
  const proof = await provePolicies(running.policies);
  const { failed } = await load;
  const nearest = (await decisions('why="nearest"')) - before[0];
  const all = (await decisions('')) - before[1];
  const wanted = { badToken: 401, blockedAddress: 403, overLimit: 429 } as const;
  return [
    ...(['badToken', 'blockedAddress', 'overLimit'] as const).map((what) =>
      figureOf({
        ...{ what: `refused during the run: ${what}`, value: proof[what], unit: '' },
        goal: { of: 'value', atLeast: wanted[what], atMost: wanted[what] },
      }),
    ),
    figureOf({
      ...{ what: 'decisions meanwhile with why="nearest"', value: nearest, unit: '' },
      peer: { name: 'all decisions', value: all },
      goal: { of: 'ratio', atLeast: 0.99 },
    }),
    figureOf({
      ...{ what: `a client near us-east was served by ${proof.farClient}`, unit: '' },
      ...{ value: proof.farClient === 'us-east' ? 1 : 0, goal: { of: 'value', atLeast: 1 } },
    }),
    figureOf({
      ...{ what: `others refused meanwhile (${policies})`, value: failed, unit: '' },
      goal: { of: 'value', atMost: 0 },
    }),
  ];
}

/** A peer that is not there is a figure that is missed, not one that nobody sees. */
function absent(peers: readonly string[]): readonly Figure[] {
  return peers.map((name) =>
    figureOf({
      ...{ what: `${name}: peer not installed`, value: 0, unit: '' },
      goal: { of: 'value', atLeast: 1 },
    }),
  );
}

async function memory(running: GatewayBench): Promise<readonly Figure[]> {
  const { idle, streaming } = await running.memoryAtStreams(streams);
  const what = `memory at ${String(streams)} open streams, geo data apart`;
  const goal = { of: 'value', atMost: 150 } as const;
  return [
    figureOf({ what, value: streaming, unit: 'MB', peer: { name: 'without', value: idle }, goal }),
  ];
}

/**
 * Two processes on one address against one, each with a quarter of a core: without that bound the
 * load and the upstream, on the same two cores, are what limits both.
 */
async function scaling({ candidates, twice }: GatewayBench): Promise<readonly Figure[]> {
  const single = candidates.find(({ name }) => name === 'meridian, routing');
  if (single === undefined) return [];
  const results: Record<'one' | 'two', WrkResult[]> = { one: [], two: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [kind, { url, pids }] of [
      ['one', single],
      ['two', twice],
    ] as const) {
      const run = { url, script: null, pids, seconds, connections: connections * 2 };
      results[kind].push(await whileCapped({ pids, share: cappedShare }, () => runWrk(run)));
    }
  }
  const of = (kind: 'one' | 'two', what: keyof WrkResult): number =>
    median(results[kind].map((run) => run[what]));
  return (
    [
      ['requests of two processes, a quarter of a core each', 'perSecond', '/s', 1.8],
      ['processor per request of two processes', 'cpuUs', 'us', null],
    ] as const
  ).map(([what, key, unit, atLeast]) =>
    figureOf({
      ...{ what, value: of('two', key), unit },
      peer: { name: 'one process', value: of('one', key) },
      ...(atLeast === null ? {} : { goal: { of: 'ratio', atLeast } }),
    }),
  );
}
