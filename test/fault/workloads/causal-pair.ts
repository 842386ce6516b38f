/**
 * W6: an effect is written by a session that has read its cause, and a third counter by one that
 * knows nothing of them. All snapshots of all regions are moments of one history, in which what
 * began after something had ended comes after it.
 */
import { findSnapshotViolations, type Counters } from '../checkers/snapshots.ts';
import { eventual, firstNumber, query, type ReplyBody } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

export const causalPair: Workload = {
  id: 'W6',
  setUp: [
    'CREATE TABLE fault.cause (id int PRIMARY KEY, n int NOT NULL)',
    'CREATE TABLE fault.effect (id int PRIMARY KEY, n int NOT NULL)',
    'CREATE TABLE fault.apart (id int PRIMARY KEY, n int NOT NULL)',
    'INSERT INTO fault.cause VALUES (1, 0)',
    'INSERT INTO fault.apart VALUES (1, 0)',
    'INSERT INTO fault.effect VALUES (1, 0)',
  ],
  run: (context) => [
    raise(context, { name: 'raise', table: 'cause' }),
    raise(context, { name: 'apart', table: 'apart' }),
    follow(context),
    watch(context),
  ],
  check: async (history, { cuts }) => findSnapshotViolations(history, await cuts()),
};

async function raise(
  context: LoadContext,
  { name, table }: { readonly name: string; readonly table: string },
): Promise<void> {
  while (context.isRunning()) {
    // Without a token of an earlier write: nothing orders the two writers but time.
    const session = context.session(`causal ${name}`);
    const region = pick(context.regions, context.random);
    const call = query(`UPDATE fault.${table} SET n = n + 1 RETURNING n`);
    await session.ask({ region, name, key: 'pair', call, read: firstNumber });
    await context.pace(100);
  }
}

async function follow(context: LoadContext): Promise<void> {
  const session = context.session('causal follow');
  while (context.isRunning()) {
    const region = pick(context.regions, context.random);
    const call = query('SELECT n FROM fault.cause');
    const seen = await session.ask({ region, name: 'cause', key: 'pair', call, read: firstNumber });
    if (seen.outcome === 'ok') {
      const sql = 'UPDATE fault.effect SET n = greatest(n, $1)';
      const elsewhere = pick(context.regions, context.random);
      const write = query(sql, [seen.output]);
      await session.ask({ region: elsewhere, name: 'effect', key: 'pair', call: write });
    }
    await context.pace(100);
  }
}

async function watch(context: LoadContext): Promise<void> {
  const session = context.session('causal watch');
  const sql =
    'SELECT (SELECT n FROM fault.cause) AS cause, (SELECT n FROM fault.effect) AS effect, ' +
    '(SELECT n FROM fault.apart) AS apart';
  const read = ({ rows: [row] = [] }: ReplyBody): Counters => ({
    cause: Number(row?.['cause'] ?? 0),
    effect: Number(row?.['effect'] ?? 0),
    apart: Number(row?.['apart'] ?? 0),
  });
  while (context.isRunning()) {
    const region = pick(context.regions, context.random);
    await session.ask({ region, name: 'pair', key: 'pair', call: query(sql, [], eventual), read });
    await context.pace(50);
  }
}
