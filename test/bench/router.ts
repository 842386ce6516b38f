/**
 * Requests per second, latency and CPU of the router for each level, through HTTP and through its
 * core, against a direct `pg` pool in the same run:
 *
 *   npm run bench:router -- [--seconds N] [--clients N] [--json]
 */
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { createPgPool } from '../../shared/pg/client.ts';
import type { Consistency } from '../../shared/core/consistency.ts';
import type { DataRequest } from '../../shared/ports/data-access.ts';
import { systemClock } from '../../shared/runtime/system-clock.ts';
import { RouterCluster } from '../helpers/router.ts';

interface Measured {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU seconds of this process (client and router together) per 1,000 requests. */
  readonly cpuSecondsPer1000: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const clients = Number(values.clients);
const sql = 'SELECT id, v FROM public.bench WHERE id = $1';
const rows = 1000;

async function measure(name: string, call: (id: number) => Promise<unknown>): Promise<Measured> {
  const latencies: number[] = [];
  const run = async (untilMs: number, isCounted: boolean): Promise<void> => {
    while (performance.now() < untilMs) {
      const startedMs = performance.now();
      await call(1 + Math.floor(Math.random() * rows));
      if (isCounted) latencies.push(performance.now() - startedMs);
    }
  };
  const all = (untilMs: number, isCounted: boolean): Promise<unknown> =>
    Promise.all(Array.from({ length: clients }, () => run(untilMs, isCounted)));
  await all(performance.now() + 1000, false);
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  await all(startedMs + seconds * 1000, true);
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  const measured = {
    name,
    requestsPerSecond: Math.round((latencies.length / elapsedMs) * 1000),
    p50Ms: round(at(0.5)),
    p99Ms: round(at(0.99)),
    cpuSecondsPer1000: round((user + system) / 1000 / latencies.length),
  };
  if (!values.json) console.log(line(measured));
  return measured;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function line(one: Measured): string {
  const cells = [one.requestsPerSecond, one.p50Ms, one.p99Ms, one.cpuSecondsPer1000];
  return one.name.padEnd(34) + cells.map((cell) => String(cell).padStart(10)).join('');
}

const levels: Readonly<Record<string, Consistency>> = {
  eventual: { level: 'eventual' },
  session: { level: 'session', token: null },
  bounded: { level: 'bounded', maxStalenessMs: 5000 },
  strong: { level: 'strong' },
};

function requestOf(consistency: Consistency, id: number): DataRequest {
  return {
    statements: [{ sql, params: [id] }],
    isTransaction: false,
    isReadOnly: false,
    isolation: null,
    consistency,
    token: null,
    isTokenUpperBound: false,
    durability: 'async',
    idempotencyKey: null,
    caller: { subject: 'bench', role: 'app', canWrite: true, claims: { sub: 'bench' } },
    isForwarded: false,
    deadlineMs: systemClock.monotonicMs() + 10_000,
    requestId: 'bench',
  };
}

const cluster = await RouterCluster.start({ regions: ['eu-west'], standbys: 1 });
try {
  const region = cluster.region('eu-west');
  await cluster.query('eu-west', 'CREATE TABLE public.bench (id int PRIMARY KEY, v text)', {
    durability: 'async',
  });
  const fill = `INSERT INTO bench SELECT i, 'value ' || i FROM generate_series(1, ${rows}) i`;
  await cluster.query('eu-west', fill, { durability: 'async' });
  if (!values.json) {
    console.log(''.padEnd(34) + '     req/s    p50 ms    p99 ms  CPU s/1000');
  }
  const direct = createPgPool({ ...cluster.target('eu-west', 2, 'app'), max: clients });
  const results = [await measure('direct pg pool, standby', (id) => direct.query(sql, [id]))];
  await direct.end();
  const primary = createPgPool({ ...cluster.target('eu-west', 1, 'app'), max: clients });
  results.push(await measure('direct pg pool, primary', (id) => primary.query(sql, [id])));
  await primary.end();
  for (const [name, consistency] of Object.entries(levels)) {
    const { access } = region.router;
    results.push(await measure(`core, ${name}`, (id) => access.run(requestOf(consistency, id))));
  }
  const token = await cluster.token();
  const http = new Pool(region.origin, { connections: clients, pipelining: 1 });
  for (const level of Object.keys(levels)) {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'meridian-consistency': level,
      ...(level === 'bounded' ? { 'meridian-max-staleness-ms': '5000' } : {}),
    };
    results.push(
      await measure(`HTTP, ${level}`, async (id) => {
        const body = JSON.stringify({ sql, params: [id] });
        const reply = await http.request({ method: 'POST', path: '/v1/query', headers, body });
        const text = await reply.body.text();
        if (reply.statusCode !== 200) throw new Error(text);
      }),
    );
  }
  await http.close();
  const base = results[0]?.requestsPerSecond ?? 1;
  const ratios = Object.fromEntries(
    results.map(({ name, requestsPerSecond }) => [name, round(requestsPerSecond / base)]),
  );
  if (values.json) console.log(JSON.stringify({ clients, seconds, results, ratios }, null, 2));
  else console.log('\nratio to direct:', ratios);
} finally {
  await cluster.stop();
}
