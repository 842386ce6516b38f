/** W5: counters that one session each raises and reads, in whatever region. */
import { findSessionViolations } from '../checkers/session.ts';
import { firstNumber, query } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

export const sessionCounter: Workload = {
  id: 'W5',
  setUp: ['CREATE TABLE fault.counter (key text PRIMARY KEY, n int NOT NULL)'],
  run: (context) => context.regions.map((region) => runClient(context, `counter ${region}`)),
  check: async (history) => findSessionViolations(history),
};

async function runClient(context: LoadContext, id: string): Promise<void> {
  const session = context.session(id);
  const headers = { 'meridian-consistency': 'session' };
  for (let n = 1; context.isRunning(); n += 1) {
    const sql =
      'INSERT INTO fault.counter VALUES ($1, $2) ' +
      'ON CONFLICT (key) DO UPDATE SET n = greatest(fault.counter.n, excluded.n)';
    const region = pick(context.regions, context.random);
    await session.ask({ region, name: 'write', key: id, input: n, call: query(sql, [id, n]) });
    for (let reads = 0; reads < 4 && context.isRunning(); reads += 1) {
      const elsewhere = pick(context.regions, context.random);
      const call = query('SELECT n FROM fault.counter WHERE key = $1', [id], headers);
      await session.ask({ region: elsewhere, name: 'read', key: id, call, read: firstNumber });
      await context.pace(20);
    }
  }
}
