/**
 * Three whole regions under load from clients of each, while an upstream, Redis, PostgreSQL, Kafka
 * and in the end a whole region are lost in turn: what should succeed does. The route that is
 * measured needs all that Redis keeps, and SQL needs PostgreSQL and Kafka:
 * test/helpers/losses/.
 *
 *   npm run bench:gateway-losses -- [--json] [--seconds N] [--only WORD]
 *
 * Open loop, failures counted at the socket, clients do not retry. Proxied requests, eventual and
 * session reads must succeed at every gateway that is there; those that ask the lost gateway are a
 * row of their own, and so are writes: each has a key, is repeated with it afterwards if nobody
 * confirmed it, and must be there once in the end.
 */
import { parseArgs } from 'node:util';
import { figureOf, renderFigures, type Figure } from '../helpers/bench/figure.ts';
import { TestCluster } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  makeTables,
  settleWrites,
  startClients,
  type KindResult,
  type WriteResult,
} from '../helpers/losses/clients.ts';
import { openShop, shopSection } from '../helpers/losses/shop.ts';
import { percentile } from '../helpers/open-loop.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
  },
});
const seconds = Number(values.seconds);
/** 450 a second in all: 270 of the shop, 150 reads, 30 writes. */
const rates = { proxied: 30, reads: 25, writes: 10 };
/** The primary region: it has most to lose. */
const victim = 'eu-west';
const faultMs = 2000;
const slowMs = 250;

interface Loss {
  readonly what: string;
  /** Process of the victim region; null: all of them. */
  readonly process: string | null;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

const losses: readonly Loss[] = [
  { what: 'the upstream killed', process: 'sample-upstream', signal: 'SIGKILL' },
  { what: 'Redis killed', process: 'redis', signal: 'SIGKILL' },
  { what: 'Redis frozen', process: 'redis', signal: 'SIGSTOP' },
  { what: 'the standby killed', process: 'pg-2', signal: 'SIGKILL' },
  { what: 'PostgreSQL killed', process: 'pg-1', signal: 'SIGKILL' },
  { what: 'Kafka killed', process: 'kafka', signal: 'SIGKILL' },
  { what: 'a whole region killed', process: null, signal: 'SIGKILL' },
];

const cluster = await TestCluster.start({ isSecured: false, sections: { gateway: shopSection } });
try {
  await makeTables(cluster);
  const shop = await openShop(cluster);
  const figures: Figure[] = [];
  for (const loss of losses.filter(({ what }) => what.includes(values.only))) {
    await eventually(isWhole, { deadlineMs: 60_000, intervalMs: 500 });
    figures.push(...(await lose(loss)));
  }
  await shop.stop();
  console.log(values.json ? JSON.stringify(figures, null, 2) : renderFigures(figures));
  if (figures.some(({ ok }) => ok === false)) process.exitCode = 1;
} finally {
  await cluster.remove();
}

async function isWhole(): Promise<boolean> {
  const view = await cluster.admin('us-east', '/admin/regions').catch(() => null);
  const { processes } = await cluster.agentState(victim);
  const isRunning = processes.every(({ phase }) => phase === 'running');
  return view?.['primary'] === victim && (view['members'] as string[]).length === 2 && isRunning;
}

async function lose({ what, process: name, signal }: Loss): Promise<readonly Figure[]> {
  const clients = await startClients(cluster, rates);
  const until = async (ms: number): Promise<void> => {
    const isThere = (): boolean => performance.now() - clients.startedMs > ms;
    await eventually(isThere, { deadlineMs: ms * 2 });
  };
  await until(faultMs);
  if (name === null) await cluster.killRegion(victim);
  const pid = name === null ? null : await cluster.signal(victim, name, signal);
  await until(seconds * 1000);
  if (pid !== null && signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
  const { kinds, writes } = await clients.finish();
  tellFailures(what, kinds, writes);
  const isLost = ({ at }: { readonly at: string }): boolean => name === null && at === victim;
  const kept = kinds.filter((one) => !isLost(one));
  const wrong = name === null ? await settledBeside(writes) : await settleWrites(cluster, writes);
  for (const one of wrong.slice(0, 5)) console.error(`${what}: write ${one} times`);
  return [
    ...judged(`${what}: proxied`, ofKind(kept, 'proxied')),
    ...judged(`${what}: reads`, [
      ...ofKind(kept, 'eventual reads'),
      ...ofKind(kept, 'session reads'),
    ]),
    ...judgedWrites(
      what,
      writes.filter((one) => !isLost(one)),
      wrong.length,
    ),
    ...atLostGateway(what, kinds.filter(isLost), writes.filter(isLost)),
  ];
}

/** The region that is not there cannot be asked. */
async function settledBeside(writes: readonly WriteResult[]): Promise<readonly string[]> {
  await cluster.up();
  return settleWrites(cluster, writes);
}

function ofKind(results: readonly KindResult[], kind: KindResult['kind']): readonly KindResult[] {
  return results.filter((one) => one.kind === kind);
}

/** Each kind of failure with how often and when, for whoever looks for the cause. */
function tellFailures(
  what: string,
  kinds: readonly KindResult[],
  writes: readonly WriteResult[],
): void {
  const all = [
    ...kinds.flatMap(({ kind, at, result }) =>
      result.failures.map(({ atMs, why }) => ({ atMs, text: `${kind} at ${at}: ${why}` })),
    ),
    ...writes
      .filter(({ outcome }) => outcome !== 'confirmed')
      .map(({ atMs, at, outcome }) => ({ atMs, text: `writes at ${at}: ${outcome}` })),
  ];
  for (const [text, alike] of Map.groupBy(all, (one) => one.text)) {
    const times = alike.map(({ atMs }) => Math.round(atMs - faultMs));
    const span = `${String(Math.min(...times))} to ${String(Math.max(...times))} ms`;
    console.error(`${what}: ${String(alike.length)} ${text}, ${span} after the loss`);
  }
}

function judged(what: string, kinds: readonly KindResult[]): readonly Figure[] {
  const results = kinds.map(({ result }) => result);
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  const trouble = results.flatMap(({ samples, failures }) => [
    ...samples.filter(({ tookMs }) => tookMs > slowMs),
    ...failures,
  ]);
  const recoveryMs = Math.max(0, ...trouble.map(({ atMs }) => atMs - faultMs));
  const tookMs = results.flatMap(({ samples }) => samples.map((sample) => sample.tookMs));
  const none = { of: 'value', atMost: 0 } as const;
  return [
    figureOf({ what: `${what}, failed of ${String(sent)}`, value: failed, unit: '', goal: none }),
    figureOf({ what: `${what}, last over ${String(slowMs)} ms`, value: recoveryMs, unit: 'ms' }),
    figureOf({ what: `${what}, p99`, value: percentile(tookMs, 0.99), unit: 'ms' }),
  ];
}

function judgedWrites(
  what: string,
  writes: readonly WriteResult[],
  wrong: number,
): readonly Figure[] {
  const open = writes.filter(({ outcome }) => outcome !== 'confirmed').length;
  const longestMs = Math.max(...writes.map(({ tookMs }) => tookMs));
  const of = `of ${String(writes.length)}`;
  const none = { of: 'value', atMost: 0 } as const;
  return [
    figureOf({ what: `${what}: writes, not confirmed at first, ${of}`, value: open, unit: '' }),
    figureOf({ what: `${what}: writes, the longest`, value: longestMs, unit: 'ms' }),
    figureOf({
      ...{ what: `${what}: writes, lost or doubled after a repeat`, value: wrong, unit: '' },
      goal: none,
    }),
  ];
}

function atLostGateway(
  what: string,
  kinds: readonly KindResult[],
  writes: readonly WriteResult[],
): readonly Figure[] {
  if (kinds.length === 0) return [];
  const failed = kinds.reduce((sum, { result }) => sum + result.failures.length, 0);
  const open = writes.filter(({ outcome }) => outcome !== 'confirmed').length;
  return [figureOf({ what: `${what}: failed at its gateway`, value: failed + open, unit: '' })];
}
