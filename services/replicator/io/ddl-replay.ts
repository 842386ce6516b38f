/** Runs a captured DDL command inside the applier's transaction, as the role that ran it. */
import type { Client } from 'pg';
import type { Tuple } from '../core/pgoutput-message.ts';
import type { TableShape } from '../core/table-shape.ts';
import { quoteIdent, quoteLiteral } from '../../../shared/pg/quote.ts';

/** Runs the command of a row of meridian.ddl; role and settings are as before afterwards. */
export async function replayDdl(client: Client, shape: TableShape, row: Tuple): Promise<void> {
  const value = (name: string): string =>
    row[shape.columns.findIndex((column) => column.name === name)] ?? '';
  const objects = JSON.parse(value('objects') || '{}') as {
    readonly settings?: Readonly<Record<string, string>>;
  };
  const settings = { ...objects.settings, search_path: value('search_path') };
  const before = await client.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])',
    [Object.keys(settings)],
  );
  await setAll(client, Object.entries(settings));
  await client.query(`SET LOCAL ROLE ${quoteIdent(value('role_name'))}`);
  await client.query(value('statement'));
  await client.query('RESET ROLE');
  await setAll(
    client,
    before.rows.map(({ name, setting }) => [name, setting]),
  );
}

async function setAll(client: Client, settings: readonly (readonly string[])[]): Promise<void> {
  const calls = settings.map(
    ([name = '', value = '']) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  if (calls.length > 0) await client.query(`SELECT ${calls.join(', ')}`);
}
