/**
 * W6: an effect is written by a session that has read its cause. No snapshot of any region shows
 * an effect without its cause.
 */
import { formatOperation } from '../checkers/format.ts';
import { answered } from '../run/history.ts';
import { eventual, firstNumber, query, type ReplyBody } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

export const causalPair: Workload = {
  id: 'W6',
  setUp: [
    'CREATE TABLE fault.cause (id int PRIMARY KEY, n int NOT NULL)',
    'CREATE TABLE fault.effect (id int PRIMARY KEY, n int NOT NULL)',
    'INSERT INTO fault.cause VALUES (1, 0)',
    'INSERT INTO fault.effect VALUES (1, 0)',
  ],
  run: (context) => [raise(context), follow(context), watch(context)],
  async check(history) {
    return answered(history, 'pair')
      .filter(({ output }) => {
        const [cause, effect] = output as [number, number];
        return effect > cause;
      })
      .map((read) => `an effect without its cause: ${formatOperation(read)}`);
  },
};

async function raise(context: LoadContext): Promise<void> {
  const session = context.session('causal raise');
  while (context.isRunning()) {
    const region = pick(context.regions, context.random);
    const call = query('UPDATE fault.cause SET n = n + 1');
    await session.ask({ region, name: 'raise', key: 'pair', call });
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
  const sql = 'SELECT (SELECT n FROM fault.cause) AS cause, (SELECT n FROM fault.effect) AS effect';
  const read = ({ rows = [] }: ReplyBody): [number, number] => [
    Number(rows[0]?.['cause'] ?? 0),
    Number(rows[0]?.['effect'] ?? 0),
  ];
  while (context.isRunning()) {
    const region = pick(context.regions, context.random);
    await session.ask({ region, name: 'pair', key: 'pair', call: query(sql, [], eventual), read });
    await context.pace(50);
  }
}
