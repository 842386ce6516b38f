/** Makes the demo's schema and loads the cities through a gateway, some rows per transaction. */
import { CliError } from '../core/cli-error.ts';
import type { City } from './cities.ts';
import { firstRow, type DataClient, type DataOutcome } from './data-client.ts';

/** Run one by one; each may be repeated. */
const schemaStatements = [
  'CREATE SCHEMA IF NOT EXISTS demo',
  `CREATE TABLE IF NOT EXISTS demo.city (
     id integer PRIMARY KEY, name text NOT NULL, country text NOT NULL, admin1 text NOT NULL,
     admin2 text NOT NULL, latitude numeric NOT NULL, longitude numeric NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS demo.visit (
     run text NOT NULL, id bigint NOT NULL, city_id integer NOT NULL, region text NOT NULL,
     note text NOT NULL, PRIMARY KEY (run, id))`,
  `CREATE TABLE IF NOT EXISTS demo.pulse (
     one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row), number bigint NOT NULL)`,
  'INSERT INTO demo.pulse (number) VALUES (0) ON CONFLICT DO NOTHING',
];

/** Tables of the schema, with their keys. */
export const demoTables = [
  { name: 'demo.city', key: 'id' },
  { name: 'demo.visit', key: 'run, id' },
  { name: 'demo.pulse', key: 'one_row' },
] as const;

const insertCities = `INSERT INTO demo.city
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS city (
    id integer, name text, country text, admin1 text, admin2 text,
    latitude numeric, longitude numeric)
  ON CONFLICT (id) DO NOTHING`;

const rowsPerStatement = 250;
const statementsPerTransaction = 4;
const transactionsInFlight = 4;

export interface LoadOptions {
  readonly client: DataClient;
  readonly cities: readonly City[];
  readonly onProgress: (rows: number) => void;
}

/** Loads what is missing; resolves with the token of the newest write. */
export async function loadCities(options: LoadOptions): Promise<string | null> {
  const { client, cities } = options;
  let token: string | null = null;
  for (const sql of schemaStatements) {
    const outcome = await client.send({ path: '/v1/query', body: { sql } });
    token = answered(outcome, 'making the schema demo').token ?? token;
  }
  if ((await countRows(client)) === cities.length) return token;
  const rowsPerBatch = rowsPerStatement * statementsPerTransaction;
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < cities.length) {
      const batch = cities.slice(next, next + rowsPerBatch);
      next += batch.length;
      const outcome = await client.send({
        path: '/v1/transaction',
        body: { statements: statementsFor(batch) },
      });
      token = answered(outcome, 'loading the cities').token ?? token;
      done += batch.length;
      options.onProgress(done);
    }
  };
  await Promise.all(Array.from({ length: transactionsInFlight }, worker));
  const rows = await countRows(client);
  if (rows === cities.length) return token;
  const expected = String(cities.length);
  throw new CliError(`demo.city holds ${String(rows)} rows instead of ${expected}.`);
}

function statementsFor(batch: readonly City[]): { sql: string; params: string[] }[] {
  const statements: { sql: string; params: string[] }[] = [];
  for (let at = 0; at < batch.length; at += rowsPerStatement) {
    const rows = batch.slice(at, at + rowsPerStatement);
    statements.push({ sql: insertCities, params: [JSON.stringify(rows)] });
  }
  return statements;
}

async function countRows(client: DataClient): Promise<number> {
  const outcome = await client.send({
    path: '/v1/query',
    body: { sql: 'SELECT count(*) AS rows FROM demo.city' },
    headers: { 'meridian-consistency': 'strong' },
  });
  return Number(firstRow(answered(outcome, 'counting the cities').body)['rows']);
}

/** The answer, or a CliError that says what was being done. */
export function answered(
  outcome: DataOutcome,
  doing: string,
): Extract<DataOutcome, { kind: 'answered' }> {
  if (outcome.kind === 'answered') return outcome;
  const code = outcome.kind === 'refused' ? outcome.code : 'no reply';
  throw new CliError(`${doing}: ${code}: ${outcome.detail}`, {
    hint: 'See: npx meridian status',
  });
}
