/** W9: a heartbeat, and reads that must not be older than they allow. */
import { findStaleReads } from '../checkers/staleness.ts';
import { firstNumber, query } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const boundMs = 1500;

export const staleness: Workload = {
  id: 'W9',
  setUp: [
    'CREATE TABLE fault.beat (id int PRIMARY KEY, n int NOT NULL)',
    'INSERT INTO fault.beat VALUES (1, 0)',
  ],
  run: (context) => [beat(context), ...context.regions.map((region) => watch(context, region))],
  check: async (history) => findStaleReads(history),
};

async function beat(context: LoadContext): Promise<void> {
  const session = context.session('beat');
  for (let n = 1; context.isRunning(); n += 1) {
    const region = pick(context.regions, context.random);
    const call = query('UPDATE fault.beat SET n = greatest(n, $1)', [n]);
    await session.ask({ region, name: 'beat', key: 'beat', input: n, call });
    await context.pace(100);
  }
}

async function watch(context: LoadContext, region: string): Promise<void> {
  const headers = {
    'meridian-consistency': 'bounded',
    'meridian-max-staleness-ms': String(boundMs),
  };
  for (let n = 0; context.isRunning(); n += 1) {
    // A session would add its own token to the bound: every read is a client of its own.
    const session = context.session(`staleness ${region} ${n}`);
    const call = query('SELECT n FROM fault.beat', [], headers);
    await session.ask({
      region,
      name: 'read',
      key: 'beat',
      input: boundMs,
      call,
      read: firstNumber,
    });
    await context.pace(100);
  }
}
