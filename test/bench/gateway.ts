/**
 * Proxying "hello" by one process each, over the same upstream: direct, nginx, HAProxy, bare
 * undici dispatch, @fastify/http-proxy and Meridian's gateway, with routing alone and with all
 * policies. `--json` for machines, `--seconds <n>` per run, `--rounds <n>`.
 */
import { parseArgs } from 'node:util';
import { runWrk, type WrkResult } from '../helpers/bench/wrk.ts';
import { provePolicies, startBench, type Candidate } from '../helpers/bench/gateway-candidates.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    streams: { type: 'string', default: '500' },
  },
});

interface Row {
  readonly name: string;
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

const bench = await startBench();
try {
  const rows = await measure(bench.candidates);
  const refusals = await provePolicies(bench);
  const memory = await bench.memoryAtStreams(Number(values.streams));
  report(rows, { refusals, memory });
} finally {
  await bench.stop();
}

/** Rounds interleave the candidates, so that a busy moment hits all alike; medians are shown. */
async function measure(candidates: readonly Candidate[]): Promise<readonly Row[]> {
  const results = new Map<string, WrkResult[]>(candidates.map(({ name }) => [name, []]));
  for (const { url, script, pid } of candidates) {
    await runWrk({ url, script, pid, seconds: 1, connections: 16 });
  }
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const { name, url, script, pid } of candidates) {
      results.get(name)?.push(await runWrk({ url, script, pid, seconds, connections }));
    }
  }
  return [...results].map(([name, all]) => ({
    name,
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    cpuUs: median(all.map(({ cpuUs }) => cpuUs)),
    p50Ms: median(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(all.map(({ p99Ms }) => p99Ms)),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
  }));
}

function report(
  rows: readonly Row[],
  { refusals, memory }: { refusals: Readonly<Record<string, number>>; memory: number | null },
): void {
  const of = (name: string): number => rows.find((row) => row.name === name)?.perSecond ?? NaN;
  const ratios = {
    routingOverBareDispatch: of('meridian, routing') / of('bare undici dispatch'),
    allPoliciesOverHttpProxy: of('meridian, all policies') / of('@fastify/http-proxy'),
  };
  const direct = rows.find(({ name }) => name === 'direct');
  if (values.json) {
    console.log(JSON.stringify({ rows, ratios, refusals, memoryMbAtStreams: memory }, null, 2));
    return;
  }
  console.log(
    'CANDIDATE                REQ/S   CPU US   P50 MS   P99 MS   ADDED P50   ADDED P99   FAILED',
  );
  for (const { name, perSecond, cpuUs, p50Ms, p99Ms, failed } of rows) {
    const added = [p50Ms - (direct?.p50Ms ?? 0), p99Ms - (direct?.p99Ms ?? 0)];
    console.log(
      name.padEnd(22) +
        perSecond.toFixed(0).padStart(8) +
        cpuUs.toFixed(0).padStart(9) +
        [p50Ms, p99Ms].map((ms) => ms.toFixed(2).padStart(9)).join('') +
        added.map((ms) => ms.toFixed(2).padStart(12)).join('') +
        String(failed).padStart(9),
    );
  }
  console.log(
    `\nrouting / bare dispatch: ${ratios.routingOverBareDispatch.toFixed(2)} (goal 0.90)`,
  );
  const over = ratios.allPoliciesOverHttpProxy.toFixed(2);
  console.log(`all policies / @fastify/http-proxy: ${over} (goal 1.25)`);
  console.log(`refused while all policies were on: ${JSON.stringify(refusals)}`);
  if (memory !== null) {
    console.log(`memory for ${values.streams} open streams: ${memory.toFixed(0)} MB (goal 150)`);
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}
