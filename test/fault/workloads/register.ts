/** W1: registers that are read strongly, written and swapped by clients of every region. */
import { isLinearizable } from '../checkers/linearizable.ts';
import { formatOperation } from '../checkers/format.ts';
import { groupBy } from '../run/history.ts';
import { firstNumber, query, strong } from '../run/session.ts';
import type { LoadContext, Workload } from '../run/workload.ts';

/** Operations on one register before the next one is taken: bounds the checker's search. */
const operationsOfKey = 40;

export const register: Workload = {
  id: 'W1',
  setUp: ['CREATE TABLE fault.register (key text PRIMARY KEY, value int)'],
  run(context) {
    const counter = { operations: 0, value: 0 };
    return context.regions.map((region) => runClient(context, region, counter));
  },
  async check(history) {
    return [...groupBy(history, ({ key }) => key)].flatMap(([key, operations]) =>
      isLinearizable(operations)
        ? []
        : [`register ${key} is not linearizable:`, ...operations.map(formatOperation)],
    );
  },
};

async function runClient(
  context: LoadContext,
  region: string,
  counter: { operations: number; value: number },
): Promise<void> {
  const session = context.session(`register ${region}`);
  let seen: number | null = null;
  let lastKey = '';
  while (context.isRunning()) {
    const key = `r${Math.floor((counter.operations += 1) / operationsOfKey)}`;
    if (key !== lastKey) seen = null;
    lastKey = key;
    const dice = context.random();
    const value = (counter.value += 1);
    const base = { region, key };
    if (dice < 0.5) {
      const call = query('SELECT value FROM fault.register WHERE key = $1', [key], strong);
      const read = await session.ask({ ...base, name: 'read', call, read: firstNumber });
      if (read.outcome === 'ok') seen = read.output as number | null;
    } else if (dice < 0.8 || seen === null) {
      const sql =
        'INSERT INTO fault.register VALUES ($1, $2) ' +
        'ON CONFLICT (key) DO UPDATE SET value = excluded.value';
      await session.ask({ ...base, name: 'write', input: value, call: query(sql, [key, value]) });
    } else {
      const sql = 'UPDATE fault.register SET value = $3 WHERE key = $1 AND value = $2';
      const call = query(sql, [key, seen, value]);
      const input = [seen, value];
      const read = ({ rowCount }: { rowCount?: number }): boolean => rowCount === 1;
      await session.ask({ ...base, name: 'cas', input, call, read });
    }
    await context.pace(60);
  }
}
