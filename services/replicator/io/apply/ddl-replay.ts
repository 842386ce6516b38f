/**
 * Runs a captured DDL command inside the applier's transaction, as the role that ran it, and fills
 * tables whose rows were carried because the command's text would not give the same ones.
 */
import type { PgClient } from '../../../../shared/pg/client.ts';
import type { Tuple } from '../../../../shared/core/pgoutput/pgoutput-message.ts';
import type { TableShape } from '../../core/table-shape.ts';
import { quoteIdent, quoteLiteral } from '../../../../shared/pg/quote.ts';
import { commandIn } from './statement-text.ts';
import { readTable } from './table-catalog.ts';

export interface DdlFacts {
  /** Names of what the command made or changed, as PostgreSQL writes them. */
  readonly objects?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly ordinal?: number;
  readonly place?: number | null;
  /** Schema and name of each table whose rows follow. */
  readonly carries?: readonly (readonly [string, string])[];
}

/** Runs the command of a row of meridian.ddl; role and settings are as before afterwards. */
export async function replayDdl(
  client: PgClient,
  shape: TableShape,
  row: Tuple,
): Promise<NonNullable<DdlFacts['carries']>> {
  const value = (name: string): string => valueOf(shape, row, name);
  const facts = JSON.parse(value('objects') || '{}') as DdlFacts;
  const text = await commandIn({
    ...{ text: value('statement'), tag: value('command_tag') },
    ...{ ordinal: facts.ordinal ?? 0, place: facts.place ?? null },
  });
  if (value('command_tag') === 'CREATE INDEX') {
    await client.query('SELECT meridian.drop_broken(o) FROM unnest($1::text[]) AS o', [
      facts.objects ?? [],
    ]);
  }
  const settings = { ...facts.settings, search_path: value('search_path') };
  const before = await client.query<{ name: string; value: string }>(
    `SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name`,
    [Object.keys(settings)],
  );
  await setAll(client, Object.entries(settings));
  await client.query(`SET LOCAL ROLE ${quoteIdent(value('role_name'))}`);
  await client.query(text);
  await client.query('SET LOCAL ROLE NONE');
  await setAll(
    client,
    before.rows.map(({ name, value: old }) => [name, old]),
  );
  const carries = facts.carries ?? [];
  for (const [schema, name] of carries) {
    await client.query(`DELETE FROM ONLY ${quoteIdent(schema)}.${quoteIdent(name)}`);
  }
  return carries;
}

/** Puts rows carried as record texts into their tables. */
export async function insertCarried(
  client: PgClient,
  shape: TableShape,
  rows: readonly Tuple[],
): Promise<void> {
  const byTable = new Map<string, { schema: string; name: string; texts: string[] }>();
  for (const row of rows) {
    const schema = valueOf(shape, row, 'table_schema');
    const name = valueOf(shape, row, 'table_name');
    const key = `${schema}\0${name}`;
    const entry = byTable.get(key) ?? { schema, name, texts: [] };
    entry.texts.push(valueOf(shape, row, 'content'));
    byTable.set(key, entry);
  }
  for (const { schema, name, texts } of byTable.values()) {
    const table = await readTable(client, schema, name);
    if (table === null) throw new Error(`carried rows of ${schema}.${name}, which is missing here`);
    const columns = table.columns.filter(({ isGenerated }) => !isGenerated);
    const target = `${quoteIdent(schema)}.${quoteIdent(name)}`;
    const names = columns.map((column) => quoteIdent(column.name));
    const fields = names.map((column) => `(v.r).${column}`);
    await client.query(
      `INSERT INTO ${target} (${names.join(', ')}) OVERRIDING SYSTEM VALUE ` +
        `SELECT ${fields.join(', ')} FROM ` +
        `(SELECT x::${target} AS r FROM unnest($1::text[]) AS u(x) OFFSET 0) AS v`,
      [texts],
    );
  }
}

function valueOf(shape: TableShape, row: Tuple, name: string): string {
  return row[shape.columns.findIndex((column) => column.name === name)] ?? '';
}

async function setAll(client: PgClient, settings: readonly (readonly string[])[]): Promise<void> {
  const calls = settings.map(
    ([name = '', value = '']) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`,
  );
  if (calls.length > 0) await client.query(`SELECT ${calls.join(', ')}`);
}
