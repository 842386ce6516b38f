/**
 * Meridian's replication against PostgreSQL's own, in one run on one machine: backlogs, lag, and
 * what each durability mode costs a COMMIT.
 *
 *   npm run bench:replication -- [--scale N] [--seconds N] [--json]
 *
 * Both sides: one source, one target, no standbys, the same settings, fsync on. Rows are compared
 * by checksum before a time counts. Debezium is not part of it.
 */
import { parseArgs } from 'node:util';
import {
  benchTables,
  drain,
  makeTpcBTables,
  measureCommits,
  measureLag,
  oneRowTransactions,
  oneTransaction,
  tpcB,
  watch,
  type Backlog,
  type Spread,
} from '../helpers/bench/replication-loads.ts';
import {
  serverSettings,
  startMeridianSide,
  startPostgresSide,
  type Side,
} from '../helpers/bench/replication-sides.ts';

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
});
const scale = Number(values.scale);
const seconds = Number(values.seconds);
const perSecond = 500;
const modes = [
  ['async', 'local'],
  ['logged', 'on'],
  ['semi-sync', 'remote_write'],
  ['sync', 'remote_apply'],
] as const;

interface SideResult {
  readonly backlogMs: Readonly<Record<string, number>>;
  readonly lag: Spread;
  readonly commits: Readonly<Record<string, Spread>>;
}

const tpc = tpcB(20_000 * scale);
const backlogs: readonly Backlog[] = [
  oneRowTransactions(100_000 * scale),
  oneTransaction(200_000 * scale),
  ...(tpc === null ? [] : [tpc]),
];

async function measure(side: Side): Promise<SideResult> {
  say(side, 'tables');
  await side.makeTables(benchTables);
  if (tpc !== null) await makeTpcBTables(side);
  await (
    await watch(side, 'tables are there')
  )();
  const backlogMs: Record<string, number> = {};
  for (const backlog of backlogs) {
    say(side, backlog.name);
    backlogMs[backlog.name] = Math.round(await drain(side, backlog));
  }
  say(side, `lag at ${perSecond} transactions per second`);
  const lag = await measureLag(side, { perSecond, seconds, firstId: 1 });
  const commits: Record<string, Spread> = {};
  const ofSide = side.name === 'meridian' ? modes : modes.slice(0, 1);
  for (const [index, [name, mode]] of ofSide.entries()) {
    say(side, `commits, ${name}`);
    const firstId = 1_000_000 * (index + 1);
    commits[name] = await measureCommits(side, { mode, perSecond, seconds, firstId });
  }
  return { backlogMs, lag, commits };
}

function say(side: Side, what: string): void {
  process.stderr.write(`${side.name}: ${what}\n`);
}

async function run(start: () => Promise<Side>): Promise<SideResult> {
  const side = await start();
  try {
    return await measure(side);
  } finally {
    await side.stop();
  }
}

const postgresql = await run(startPostgresSide);
const meridian = await run(startMeridianSide);

if (values.json) {
  console.log(JSON.stringify({ serverSettings, postgresql, meridian }, null, 2));
} else {
  const set = Object.entries(serverSettings).map(([name, value]) => `${name} = ${value}`);
  console.log(`Servers: infra/postgres/postgresql.conf, ${set.join(', ')}, fsync on`);
  for (const { name, units } of backlogs) {
    const [own, theirs] = [meridian.backlogMs[name] ?? 0, postgresql.backlogMs[name] ?? 0];
    const rate = (ms: number): string => `${ms} ms, ${Math.round((units / ms) * 1000)}/s`;
    console.log(
      `${name}: meridian ${rate(own)}; postgresql ${rate(theirs)}; ` +
        `ratio ${(theirs / own).toFixed(2)}`,
    );
  }
  const text = ({ p50Ms, p99Ms }: Spread): string => `p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  console.log(`lag at ${perSecond}/s: meridian ${text(meridian.lag)}`);
  console.log(`lag at ${perSecond}/s: postgresql ${text(postgresql.lag)}`);
  for (const [name, spread] of Object.entries(meridian.commits)) {
    console.log(`commit at ${perSecond}/s, ${name}: ${text(spread)}`);
  }
}
process.exit(0);
