/**
 * Reads of one row by primary key through the router, for each level, through its core and through
 * HTTP (JWT, role, claims and logging as shipped), against a direct `pg` pool on the same standby:
 *
 *   npm run bench:router -- [--seconds N] [--rounds N] [--clients N] [--standbys N] [--json]
 *     [--only 'core, session']
 *
 * Rounds interleave the candidates; medians are shown. Processor time moves least with other work
 * on the machine. HTTP needs wrk (apt-get install wrk). `--json` prints a list of
 * {what, value, unit, peer, peerValue, ratio, goal, ok}.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPgPool } from '../../shared/pg/client.ts';
import type { Consistency } from '../../shared/core/consistency.ts';
import type { DataRequest } from '../../shared/ports/data-access.ts';
import { systemClock } from '../../shared/runtime/system-clock.ts';
import { type Figure, figureOf } from '../helpers/bench/figure.ts';
import {
  runHttp,
  runLoops,
  type LoadOptions,
  type Measured,
} from '../helpers/bench/router-load.ts';
import { RouterCluster } from '../helpers/router.ts';

interface Candidate {
  readonly name: string;
  /** Of the direct pool's requests per second. */
  readonly goal: number | null;
  readonly run: (load: LoadOptions) => Promise<Measured>;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '32' },
    standbys: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const clients = Number(values.clients);
const sql = 'SELECT id, v FROM public.bench WHERE id = $1';
const claims = { sub: 'bench', scope: 'data:write', role: 'app' };
const levels: Readonly<Record<string, Consistency>> = {
  eventual: { level: 'eventual' },
  session: { level: 'session', token: null },
  bounded: { level: 'bounded', maxStalenessMs: 5000 },
  strong: { level: 'strong' },
};

const cluster = await RouterCluster.start({
  regions: ['eu-west'],
  standbys: Number(values.standbys),
});
const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
const direct = createPgPool({ ...cluster.target('eu-west', 2, 'app'), max: clients });
try {
  await fill();
  const all = await candidates();
  report(
    await measure(all.filter(({ name, goal }) => goal === null || name.includes(values.only))),
  );
} finally {
  await direct.end();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function fill(): Promise<void> {
  const made = 'CREATE TABLE public.bench (id int PRIMARY KEY, v text)';
  await cluster.query('eu-west', made, { durability: 'async' });
  const filled = `INSERT INTO bench SELECT i, 'value ' || i FROM generate_series(1, 1000) i`;
  await cluster.query('eu-west', filled, { durability: 'async' });
}

async function candidates(): Promise<readonly Candidate[]> {
  const { router, origin } = cluster.region('eu-west');
  const token = await cluster.token();
  const names = Object.entries(levels);
  return [
    {
      name: 'direct pg pool',
      goal: null,
      run: (load) => runLoops((id) => direct.query(sql, [id]), load),
    },
    ...names.map(([name, consistency]) => ({
      name: `core, ${name}`,
      goal: 0.9,
      run: (load: LoadOptions) =>
        runLoops((id) => router.access.run(requestOf(consistency, id)), load),
    })),
    ...names.map(([name]) => ({
      name: `HTTP, ${name}`,
      goal: 0.5,
      run: (load: LoadOptions) =>
        runHttp({
          ...load,
          url: `${origin}/v1/query`,
          headers: headersOf(name, token),
          sql,
          folder,
        }),
    })),
  ];
}

function headersOf(level: string, token: string): Readonly<Record<string, string>> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'meridian-consistency': level,
    ...(level === 'bounded' ? { 'meridian-max-staleness-ms': '5000' } : {}),
  };
}

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
    caller: { subject: 'bench', role: 'app', canWrite: true, claims },
    isForwarded: false,
    deadlineMs: systemClock.monotonicMs() + 10_000,
    requestId: 'bench',
  };
}

async function measure(all: readonly Candidate[]): Promise<ReadonlyMap<Candidate, Measured>> {
  const runs = new Map<Candidate, Measured[]>(all.map((one) => [one, []]));
  for (const one of all) await one.run({ clients, seconds: 1 });
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const one of all) {
      runs.get(one)?.push(await one.run({ clients, seconds: Number(values.seconds) }));
    }
  }
  return new Map([...runs].map(([one, of]) => [one, medianOf(of)]));
}

function medianOf(runs: readonly Measured[]): Measured {
  const of = (key: keyof Measured): number =>
    runs.map((run) => run[key]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)] ?? NaN;
  return {
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    nodeUs: of('nodeUs'),
    postgresUs: of('postgresUs'),
  };
}

type Row = Measured & { readonly name: string; readonly goal: number | null };

/** Requests per second against the direct pool's; what goes with them has no peer and no goal. */
function figuresOf({ name, goal, ...one }: Row, _: number, [base]: readonly Row[]): Figure[] {
  const peer = { name: base?.name ?? '', value: base?.perSecond ?? NaN };
  const judged = goal === null ? {} : { goal: { of: 'ratio', atLeast: goal } as const };
  return [
    figureOf({ what: name, value: one.perSecond, unit: 'requests/s', peer, ...judged }),
    figureOf({ what: `${name}, p50`, value: one.p50Ms, unit: 'ms' }),
    figureOf({ what: `${name}, p99`, value: one.p99Ms, unit: 'ms' }),
    figureOf({ what: `${name}, Node's processor time`, value: one.nodeUs, unit: 'us' }),
    figureOf({ what: `${name}, PostgreSQL's processor time`, value: one.postgresUs, unit: 'us' }),
  ];
}

function report(results: ReadonlyMap<Candidate, Measured>): void {
  const [base] = results.values();
  const rows = [...results].map(([{ name, goal }, one]) => {
    const ratio = one.perSecond / (base?.perSecond ?? NaN);
    return { name, ...one, ratio, goal, ok: goal === null ? null : ratio >= goal };
  });
  if (values.json) {
    console.log(JSON.stringify(rows.flatMap(figuresOf), null, 2));
    return;
  }
  const heads = ['req/s', 'p50 ms', 'p99 ms', 'node us', 'postgres us', 'of direct'];
  console.log(`${''.padEnd(18)}${heads.map((head) => head.padStart(12)).join('')}`);
  for (const { name, perSecond, p50Ms, p99Ms, nodeUs, postgresUs, ratio, goal, ok } of rows) {
    const cells = [perSecond.toFixed(0), p50Ms.toFixed(1), p99Ms.toFixed(1)];
    cells.push(nodeUs.toFixed(0), postgresUs.toFixed(0), ratio.toFixed(2));
    const verdict = goal === null ? '' : `  ${ok === true ? 'ok' : 'MISSED'}: >= ${goal}`;
    console.log(`${name.padEnd(18)}${cells.map((cell) => cell.padStart(12)).join('')}${verdict}`);
  }
}
