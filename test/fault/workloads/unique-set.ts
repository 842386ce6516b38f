/**
 * W4: rows inserted with an idempotency key each. One whose outcome is unknown is sent again with
 * the same key, perhaps to another region; the table would take it twice.
 */
import { findSetViolations } from '../checkers/unique-set.ts';
import { groupBy, type Operation } from '../run/history.ts';
import { query } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const triesMax = 6;

export const uniqueSet: Workload = {
  id: 'W4',
  setUp: ['CREATE TABLE fault.entry (id text NOT NULL, at timestamptz DEFAULT now())'],
  run: (context) => context.regions.map((region) => runClient(context, region)),
  async check(history, { regions, rows }) {
    const last = [...groupBy(history, ({ key }) => key).values()].map(verdictOf);
    const found = regions.map(async (region) => {
      const held = await rows(region, 'SELECT id FROM fault.entry');
      const ids = held.map(({ id }) => String(id));
      return findSetViolations(last, ids).map((line) => `${region}: ${line}`);
    });
    return (await Promise.all(found)).flat();
  },
};

/** What is known after all tries of one row: one success is enough, a doubt stays. */
function verdictOf(tries: readonly Operation[]): Operation {
  const first = tries[0] as Operation;
  const known = tries.find(({ outcome }) => outcome === 'ok');
  return known ?? tries.find(({ outcome }) => outcome === 'unknown') ?? first;
}

async function runClient(context: LoadContext, region: string): Promise<void> {
  const session = context.session(`set ${region}`);
  for (let n = 0; context.isRunning(); n += 1) {
    const id = `${region} ${n}`;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const headers = { 'idempotency-key': `${context.prefix}-${region}-${n}` };
      const call = query('INSERT INTO fault.entry (id) VALUES ($1)', [id], headers);
      const through = tries === 0 ? region : pick(context.regions, context.random);
      const { outcome } = await session.ask({ region: through, name: 'insert', key: id, call });
      if (outcome !== 'unknown') break;
      await context.pace(500);
    }
    await context.pace(60);
  }
}
