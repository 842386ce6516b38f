/** W3: items appended to a few lists, each with a number of its own. */
import { findAppendViolations } from '../checkers/append.ts';
import { query, strong, type ReplyBody } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const keys = ['l1', 'l2', 'l3'];

export const append: Workload = {
  id: 'W3',
  setUp: [
    "CREATE TABLE fault.list (key text PRIMARY KEY, items text NOT NULL DEFAULT '')",
    `INSERT INTO fault.list (key) VALUES ${keys.map((key) => `('${key}')`).join(', ')}`,
  ],
  run(context) {
    const counter = { item: 0 };
    return context.regions.map((region) => runClient(context, region, counter));
  },
  check: async (history) => findAppendViolations(history),
};

async function runClient(
  context: LoadContext,
  region: string,
  counter: { item: number },
): Promise<void> {
  const session = context.session(`append ${region}`);
  while (context.isRunning()) {
    const key = pick(keys, context.random);
    if (context.random() < 0.4) {
      const call = query('SELECT items FROM fault.list WHERE key = $1', [key], strong);
      await session.ask({ region, name: 'read', key, call, read: itemsOf });
    } else {
      const item = (counter.item += 1);
      const sql = "UPDATE fault.list SET items = items || ' ' || $2 WHERE key = $1";
      const call = query(sql, [key, String(item)]);
      await session.ask({ region, name: 'append', key, input: item, call });
    }
    await context.pace(100);
  }
}

function itemsOf({ rows = [] }: ReplyBody): number[] {
  return String(rows[0]?.['items'] ?? '')
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}
