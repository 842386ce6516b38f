/**
 * Changes of primary as clients see them, counted at the socket by an open loop without retries:
 *
 *   npm run bench:failover -- [--runs N] [--wan] [--json] [--only switchover,region,node]
 *                             [--results FILE] [--minutes M] [--logs FOLDER]
 *
 * A switchover, the SIGKILL of the whole primary region, the loss of the primary's PostgreSQL node,
 * in turn on one cluster, each phase with its time. Nothing else should run meanwhile: with
 * `--results` the runs are kept, `--minutes` ends early, and the next invocation goes on; `--logs`
 * keeps what the regions logged.
 */
import { parseArgs } from 'node:util';
import { Nemesis } from '../fault/run/nemesis.ts';
import { renderFigures } from '../helpers/bench/figure.ts';
import { faults, type Fault } from '../helpers/bench/failover/faults.ts';
import { figuresOf, phasesText } from '../helpers/bench/failover/report.ts';
import { RunStore } from '../helpers/bench/failover/run-store.ts';
import { keepLogs } from '../fault/run/kept-logs.ts';
import { TestCluster } from '../helpers/cluster.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    wan: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    results: { type: 'string' },
    minutes: { type: 'string' },
    logs: { type: 'string' },
  },
});
const runsWanted = Number(values.runs);
const endMs = performance.now() + Number(values.minutes ?? Infinity) * 60_000;
const wanted = faults.filter(({ kind }) => values.only?.split(',').includes(kind) ?? true);
const store = new RunStore(values.results ?? null);
const measured = ({ kind }: Fault): number => store.of(kind, values.wan).length;

if (wanted.some((fault) => measured(fault) < runsWanted)) await measureAll();
const figures = wanted.flatMap((fault) => figuresOf(fault, store.of(fault.kind, values.wan)));
console.log(values.json ? JSON.stringify(figures, null, 2) : renderFigures(figures));
if (figures.some(({ ok }) => ok === false)) process.exitCode = 1;

async function measureAll(): Promise<void> {
  // Runs follow each other faster than failovers do, and must not make each other wait.
  const sections = { failover: { failoverBackoffMs: 100 } };
  const cluster = await TestCluster.start({ isSecured: false, isWan: values.wan, sections });
  try {
    const nemesis = new Nemesis(cluster, Math.random);
    await nemesis.settled();
    await cluster.query(cluster.regionIds[0] ?? '', 'CREATE TABLE bench_write (id text)');
    for (const fault of wanted) {
      while (measured(fault) < runsWanted && performance.now() < endMs) {
        await measureOne(nemesis, fault);
      }
    }
  } finally {
    if (values.logs !== undefined) keepLogs(cluster, values.logs);
    await cluster.remove();
  }
}

async function measureOne(nemesis: Nemesis, fault: Fault): Promise<void> {
  await nemesis.settled();
  const run = { kind: fault.kind, isWan: values.wan, ...(await fault.run(nemesis)) };
  store.add(run);
  // Data alone go to standard output when they are asked for as JSON.
  console.error(
    `${fault.what} ${measured(fault)}/${runsWanted}: ${run.pauseMs} ms, ${run.refused} failed, ` +
      `${run.unknown} unknown, whole again after ${run.rejoinMs} ms\n  ` +
      `${phasesText(run.phases)}\n  ${run.losses}`,
  );
}
