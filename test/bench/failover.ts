/**
 * Changes of primary as clients see them, counted at the socket by an open loop without retries:
 *
 *   npm run bench:failover -- [--runs N] [--wan] [--json]
 *
 * Three things in turn on one cluster: a switchover, the loss of the primary's PostgreSQL node, the
 * SIGKILL of the whole primary region. The figures of a run that was measured on a busy machine say
 * little: nothing else should run.
 */
import { parseArgs } from 'node:util';
import { createDataClient, type DataClient } from '../../services/cli/demo/data-client.ts';
import { Nemesis } from '../fault/run/nemesis.ts';
import { TestCluster } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    wan: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const say = (text: string): void => {
  if (!values.json) console.log(text);
};

interface Write {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly outcome: 'confirmed' | 'refused' | 'unknown';
}

/** One write every 20 ms through each of `regions`, whatever became of earlier ones. */
class OpenLoop {
  readonly writes: Write[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();

  constructor(clients: readonly DataClient[]) {
    this.#timer = setInterval(() => {
      for (const client of clients) {
        const one = this.#send(client).finally(() => this.#open.delete(one));
        this.#open.add(one);
      }
    }, 20);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }

  async #send(client: DataClient): Promise<void> {
    const startedMs = performance.now();
    const body = { sql: 'INSERT INTO bench_write VALUES ($1)', params: [String(Math.random())] };
    const reply = await client.send({ path: '/v1/query', body, timeoutMs: 20_000 });
    const isRefused = reply.kind === 'refused' && reply.code !== 'CommitOutcomeUnknown';
    const outcome = reply.kind === 'answered' ? 'confirmed' : isRefused ? 'refused' : 'unknown';
    this.writes.push({ startedMs, endedMs: performance.now(), outcome });
  }
}

interface Measured {
  readonly pauseMs: number;
  readonly failed: number;
  readonly unknown: number;
}

/** Runs `act` under load through `regions`; the pause is the longest time without an answer. */
async function underLoad(
  cluster: TestCluster,
  regions: readonly string[],
  /** When the primary was lost, or null when nobody loses it. */
  act: () => Promise<number | null>,
): Promise<Measured> {
  const token = await cluster.token('data:write');
  const clients = regions.map((id) => {
    const { bind, listeners } = cluster.region(id);
    return createDataClient(id, `http://${bind}:${listeners.public}`, token);
  });
  const loop = new OpenLoop(clients);
  await eventually(() => loop.writes.length > 50, { deadlineMs: 20_000 });
  const lostMs = await act();
  await loop.end();
  await Promise.all(clients.map((client) => client.close()));
  const confirmed = loop.writes.filter(({ outcome }) => outcome === 'confirmed');
  const count = (outcome: Write['outcome']): number =>
    loop.writes.filter((write) => write.outcome === outcome).length;
  const pauseMs = lostMs === null ? longestGapMs(confirmed) : firstAfterMs(confirmed, lostMs);
  return { pauseMs, failed: count('refused'), unknown: count('unknown') };
}

/** Until the first confirmation of a write that began after the loss. */
function firstAfterMs(writes: readonly Write[], lostMs: number): number {
  const later = writes.filter(({ startedMs }) => startedMs > lostMs);
  return Math.min(...later.map(({ endedMs }) => endedMs)) - lostMs;
}

function longestGapMs(writes: readonly Write[]): number {
  const ends = writes.map(({ endedMs }) => endedMs).toSorted((a, b) => a - b);
  return Math.max(0, ...ends.slice(1).map((endMs, index) => endMs - (ends[index] ?? endMs)));
}

/** Until writes have gone on for two seconds after the new epoch. */
async function changed(nemesis: Nemesis, epoch: number): Promise<void> {
  await nemesis.promoted(epoch);
  await nemesis.wait(4000);
}

async function switchover(nemesis: Nemesis): Promise<Measured> {
  const { primary, epoch } = await nemesis.view();
  const to = nemesis.others(primary)[0] ?? '';
  return underLoad(nemesis.cluster, nemesis.regions, async () => {
    await nemesis.switchover(primary, to);
    await changed(nemesis, epoch);
    return null;
  });
}

async function nodeLoss(nemesis: Nemesis): Promise<Measured> {
  const { primary, epoch } = await nemesis.view();
  const node = await nemesis.leadingNode(primary);
  return underLoad(nemesis.cluster, nemesis.regions, async () => {
    void nemesis.freeze(primary, [node], 20_000).catch(() => undefined);
    await changed(nemesis, epoch);
    return null;
  });
}

async function regionLoss(nemesis: Nemesis): Promise<Measured> {
  const { primary, epoch } = await nemesis.view();
  return underLoad(nemesis.cluster, nemesis.others(primary), async () => {
    await nemesis.killRegion(primary);
    const lostMs = performance.now();
    await changed(nemesis, epoch);
    return lostMs;
  });
}

interface Goal {
  readonly what: string;
  readonly run: (nemesis: Nemesis) => Promise<Measured>;
  readonly medianMs: number | null;
  readonly p95Ms: number;
}

const goals: readonly Goal[] = [
  { what: 'switchover: write pause', run: switchover, medianMs: null, p95Ms: 1000 },
  { what: 'node failover: write pause', run: nodeLoss, medianMs: null, p95Ms: 10_000 },
  {
    what: 'region killed: first confirmed write elsewhere',
    run: regionLoss,
    medianMs: 8000,
    p95Ms: 10_000,
  },
];

const cluster = await TestCluster.start({ isWan: values.wan });
const report: Record<string, unknown>[] = [];
try {
  const nemesis = new Nemesis(cluster, Math.random);
  await cluster.query(cluster.regionIds[0] ?? '', 'CREATE TABLE bench_write (id text)');
  for (const goal of goals) {
    const measured: Measured[] = [];
    const rejoins: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      await nemesis.settled();
      const one = await goal.run(nemesis);
      measured.push(one);
      const backMs = performance.now();
      if (goal.run === regionLoss) await nemesis.restart();
      await nemesis.settled();
      rejoins.push(performance.now() - backMs);
      say(
        `${goal.what} ${run + 1}/${runs}: ${Math.round(one.pauseMs)} ms, ${one.failed} failed, ` +
          `${one.unknown} unknown, settled after ${Math.round(rejoins.at(-1) ?? 0)} ms`,
      );
    }
    report.push(...rowsOf(goal, measured, rejoins));
  }
} finally {
  await cluster.remove();
}

function rowsOf(
  goal: Goal,
  measured: readonly Measured[],
  rejoins: readonly number[],
): Record<string, unknown>[] {
  const pauses = measured.map(({ pauseMs }) => pauseMs).toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(pauses[Math.min(pauses.length - 1, Math.floor(pauses.length * share))] ?? NaN);
  const row = (name: string, value: number, most: number | null) => ({
    what: `${goal.what}, ${name}`,
    value,
    unit: 'ms',
    peer: null,
    peerValue: null,
    ratio: null,
    goal: most === null ? null : `<= ${most}`,
    ok: most === null || value <= most,
  });
  const failed = measured.reduce((sum, one) => sum + one.failed, 0);
  const settled = rejoins.toSorted((a, b) => a - b)[Math.floor(rejoins.length / 2)] ?? NaN;
  return [
    row('p50', at(0.5), goal.medianMs),
    row('p95', at(0.95), goal.p95Ms),
    row('max', at(1), null),
    { ...row('failed requests', failed, goal.run === switchover ? 0 : null), unit: 'requests' },
    row('every region a member again, median', Math.round(settled), null),
  ];
}

if (values.json) console.log(JSON.stringify(report, null, 2));
else {
  for (const { what, value, unit, goal, ok } of report) {
    const aim =
      goal === null ? '' : `${String(goal).padStart(10)}  ${ok === true ? 'ok' : 'missed'}`;
    console.log(
      `${String(what).padEnd(66)}${String(value).padStart(8)} ${String(unit).padEnd(9)}${aim}`,
    );
  }
}
