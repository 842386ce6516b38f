/**
 * W4a: rows inserted in the modes async and logged, whose writers wait for no other region: a
 * promotion may lose them, and what is lost is in the report. Each write is a client of its own:
 * no token of it keeps a primary of the past from answering it.
 */
import { findLossViolations } from '../checkers/reported-loss.ts';
import { answered } from '../run/history.ts';
import { query } from '../run/session.ts';
import type { LoadContext, Workload } from '../run/workload.ts';

const modes = ['async', 'logged'] as const;

export const unconfirmedSet: Workload = {
  id: 'W4a',
  setUp: ['CREATE TABLE fault.unconfirmed (id text PRIMARY KEY, at timestamptz DEFAULT now())'],
  run: (context) =>
    context.regions.flatMap((region) => modes.map((mode) => runClient(context, region, mode))),
  async check(history, { regions, rows, reported }) {
    const inserted = new Set(history.map(({ key }) => key));
    const all = await reported('fault.unconfirmed');
    // The report keeps what earlier rows of the matrix have lost.
    const lost = all.filter(({ id }) => inserted.has(id));
    const found = regions.map(async (region) => {
      const held = await rows(region, 'SELECT id FROM fault.unconfirmed');
      const facts = { found: held.map(({ id }) => String(id)), reported: lost };
      return findLossViolations(history, facts).map((line) => `${region}: ${line}`);
    });
    console.log(`${answered(history, 'insert').length} async or logged, ${lost.length} reported`);
    return (await Promise.all(found)).flat();
  },
};

async function runClient(context: LoadContext, region: string, mode: string): Promise<void> {
  for (let n = 0; context.isRunning(); n += 1) {
    const id = `${context.prefix} ${region} ${mode} ${n}`;
    const headers = { 'meridian-durability': mode };
    const call = query('INSERT INTO fault.unconfirmed (id) VALUES ($1)', [id], headers);
    const session = context.session(`unconfirmed ${region} ${mode} ${n}`);
    await session.ask({ region, name: 'insert', key: id, input: mode, call });
    await context.pace(200);
  }
}
