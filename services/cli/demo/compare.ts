/** Rows and a checksum of every demo table, read in every region by that region's own nodes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../core/cli-error.ts';
import { areEqual, type TableSum } from '../core/demo-report.ts';
import { firstRow, type DataClient } from './data-client.ts';
import { demoTables } from './load.ts';

export interface CompareOptions {
  readonly clients: readonly DataClient[];
  /** Each region must have reached this position before it is read. */
  readonly token: string | null;
  readonly timeoutMs: number;
}

const retryEveryMs = 300;

/** The sums when they are equal; the last ones seen when they are not equal in time. */
export async function compareRegions(options: CompareOptions): Promise<readonly TableSum[]> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    const sums = await Promise.all(
      options.clients.map(async (client) => sumsOf(client, options.token, deadlineMs)),
    );
    const all = sums.flat();
    if (areEqual(all) || performance.now() > deadlineMs) return all;
    await sleep(retryEveryMs);
  }
}

async function sumsOf(
  client: DataClient,
  token: string | null,
  deadlineMs: number,
): Promise<TableSum[]> {
  const sums: TableSum[] = [];
  for (const { name, key } of demoTables) {
    const sql =
      `SELECT count(*) AS rows, coalesce(md5(string_agg(md5(t::text), '' ORDER BY ${key})), '') ` +
      `AS checksum FROM ${name} t`;
    sums.push(await sumOf(client, { table: name, sql, token, deadlineMs }));
  }
  return sums;
}

async function sumOf(
  client: DataClient,
  read: { table: string; sql: string; token: string | null; deadlineMs: number },
): Promise<TableSum> {
  const headers = {
    'meridian-consistency': 'session',
    ...(read.token === null ? {} : { 'meridian-position': read.token }),
  };
  let why = 'it did not answer';
  do {
    const outcome = await client.send({ path: '/v1/query', body: { sql: read.sql }, headers });
    if (outcome.kind === 'answered' && outcome.servedBy === client.region) {
      const row = firstRow(outcome.body);
      const checksum = String(row['checksum']);
      return { region: client.region, table: read.table, rows: Number(row['rows']), checksum };
    }
    why = outcome.kind === 'answered' ? `${outcome.servedBy ?? '?'} served it` : outcome.detail;
    await sleep(retryEveryMs);
  } while (performance.now() < read.deadlineMs);
  throw new CliError(`${read.table} could not be read in ${client.region} itself: ${why}.`);
}
