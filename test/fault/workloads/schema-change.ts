/**
 * W8: tables made and filled while faults happen, one emptied and filled again, and numbers from a
 * sequence, never twice.
 */
import { findReusedNumbers, findSchemaViolations } from '../checkers/schema.ts';
import { firstNumber, query, strong, type ReplyBody } from '../run/session.ts';
import { pick, type CheckContext, type LoadContext, type Workload } from '../run/workload.ts';

const sizes = { rowsOfTable: 200, rowsOfBatch: 50 };
const countBatches = 'SELECT batch, count(*)::int AS n FROM fault.refilled GROUP BY batch';

export const schemaChange: Workload = {
  id: 'W8',
  setUp: [
    'CREATE TABLE fault.numbered ' +
      '(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)',
    'CREATE TABLE fault.refilled (batch int, id int, PRIMARY KEY (batch, id))',
  ],
  run: (context) => [takeNumbers(context), makeTables(context), refill(context)],
  async check(history, context) {
    const ends = context.regions.map(async (region) => {
      const facts = {
        numbers: new Set((await context.rows(region, 'SELECT id FROM fault.numbered')).map(idOf)),
        tables: await tablesAt(context, region),
        batches: new Map(batchesOf({ rows: await context.rows(region, countBatches) })),
      };
      return findSchemaViolations(history, facts, sizes).map((line) => `${region}: ${line}`);
    });
    return [...findReusedNumbers(history), ...(await Promise.all(ends)).flat()];
  },
};

function idOf(row: Readonly<Record<string, unknown>>): number {
  return Number(row['id']);
}

function batchesOf({ rows = [] }: ReplyBody): readonly (readonly [number, number])[] {
  return rows.map(({ batch, n }) => [Number(batch), Number(n)]);
}

/** The tables that `makeTables` has made, with their rows. */
async function tablesAt(
  { rows }: CheckContext,
  region: string,
): Promise<ReadonlyMap<string, number>> {
  const listed = await rows(
    region,
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'made\\_%' " +
      "AND relnamespace = 'fault'::regnamespace",
  );
  const counts = new Map<string, number>();
  for (const { name } of listed) {
    const [row] = await rows(region, `SELECT count(*)::int AS n FROM fault.${String(name)}`);
    counts.set(String(name), Number(row?.['n']));
  }
  return counts;
}

async function takeNumbers(context: LoadContext): Promise<void> {
  const session = context.session('numbers');
  while (context.isRunning()) {
    const region = pick(context.regions, context.random);
    const call = query("INSERT INTO fault.numbered (note) VALUES ('x') RETURNING id");
    await session.ask({ region, name: 'number', key: 'sequence', call, read: firstNumber });
    await context.pace(150);
  }
}

async function makeTables(context: LoadContext): Promise<void> {
  const session = context.session('tables');
  for (let n = 1; context.isRunning(); n += 1) {
    const region = pick(context.regions, context.random);
    const key = `made_${n}_${Math.floor(context.random() * 1e6)}`;
    const rows = `SELECT i FROM generate_series(1, ${sizes.rowsOfTable}) AS i`;
    const sql = `CREATE TABLE fault.${key} AS ${rows}`;
    await session.ask({ region, name: 'make', key, call: query(sql) });
    await context.pace(2500);
  }
}

async function refill(context: LoadContext): Promise<void> {
  const session = context.session('refill');
  for (let batch = 1; context.isRunning(); batch += 1) {
    const region = pick(context.regions, context.random);
    const sql =
      `INSERT INTO fault.refilled SELECT $1::int, i ` +
      `FROM generate_series(1, ${sizes.rowsOfBatch}) AS i`;
    const statements = [{ sql: 'TRUNCATE fault.refilled' }, { sql, params: [batch] }];
    const write = { path: '/v1/transaction', body: { statements } } as const;
    await session.ask({ region, name: 'refill', key: 'refilled', input: batch, call: write });
    const call = query(countBatches, [], context.random() < 0.3 ? strong : {});
    await session.ask({ region, name: 'batch', key: 'refilled', call, read: batchesOf });
    await context.pace(1200);
  }
}
