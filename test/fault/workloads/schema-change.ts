/** W8: tables made and filled while faults happen, and numbers from a sequence, never twice. */
import { answered } from '../run/history.ts';
import { firstNumber, query } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const rowsOfTable = 200;

export const schemaChange: Workload = {
  id: 'W8',
  setUp: [
    'CREATE TABLE fault.numbered ' +
      '(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)',
  ],
  run: (context) => [takeNumbers(context), makeTables(context)],
  async check(history, { regions, rows }) {
    const numbers = answered(history, 'number').map(({ output }) => output as number);
    const twice = numbers.filter((number, index) => numbers.indexOf(number) !== index);
    const violations = twice.map((number) => `the sequence gave ${number} twice`);
    const made = answered(history, 'make').map(({ key }) => key);
    for (const region of regions) {
      const sql = "SELECT relname AS name FROM pg_class WHERE relname LIKE 'made_%'";
      const names = new Set((await rows(region, sql)).map(({ name }) => name));
      for (const name of made.filter((one) => !names.has(one))) {
        violations.push(`${region} lacks table ${name}`);
      }
      for (const name of made.filter((one) => names.has(one))) {
        const [row] = await rows(region, `SELECT count(*)::int AS n FROM fault.${name}`);
        if (row?.['n'] !== rowsOfTable) violations.push(`${region}: ${name} is not whole`);
      }
      const held = new Set((await rows(region, 'SELECT id FROM fault.numbered')).map(idOf));
      for (const number of numbers.filter((one) => !held.has(one))) {
        violations.push(`${region} lost number ${number}`);
      }
    }
    return violations;
  },
};

function idOf(row: Readonly<Record<string, unknown>>): number {
  return Number(row['id']);
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
    const rows = `SELECT i FROM generate_series(1, ${rowsOfTable}) AS i`;
    const sql = `CREATE TABLE fault.${key} AS ${rows}`;
    await session.ask({ region, name: 'make', key, call: query(sql) });
    await context.pace(2500);
  }
}
