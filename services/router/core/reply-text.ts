/** Results as JSON text, value by value, so that no digit passes through a number. */
import { jsonOf } from './json-form.ts';

/** What is needed of a statement's result; the port's StatementResult has this shape. */
export interface SqlResult {
  readonly command: string;
  readonly rowCount: number;
  readonly fields: readonly { readonly name: string; readonly typeOid: number }[];
  /** PostgreSQL's text form, or null. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly isCutOff: boolean;
}

/** object: by column name; array: by position; text: by position, each as PostgreSQL's text. */
export type RowMode = 'object' | 'array' | 'text';

/** `{rows, fields, rowCount, command}` as JSON text, without a line end in it. */
export function resultText(result: SqlResult, mode: RowMode): string {
  const names = uniqueNames(result.fields.map(({ name }) => name));
  const fields = result.fields.map(({ typeOid }, index) => ({ name: names[index], typeOid }));
  const rows = result.rows.map((row) => rowText(row, result, { mode, names }));
  const parts = [
    `"rows":[${rows.join(',')}]`,
    `"fields":${JSON.stringify(fields)}`,
    `"rowCount":${result.rowCount}`,
    `"command":${JSON.stringify(result.command)}`,
    ...(result.isCutOff ? ['"truncated":true'] : []),
  ];
  return `{${parts.join(',')}}`;
}

/** Names of columns as keys: a second `id` becomes `id_2`, so that no value is lost. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let key = name;
    for (let count = 2; taken.has(key); count += 1) key = `${name}_${count}`;
    taken.add(key);
    return key;
  });
}

function rowText(
  row: readonly (string | null)[],
  result: SqlResult,
  form: { readonly mode: RowMode; readonly names: readonly string[] },
): string {
  if (form.mode === 'text') return JSON.stringify(row);
  const values = row.map((value, index) => jsonOf(value, result.fields[index]?.typeOid ?? 0));
  if (form.mode === 'array') return `[${values.join(',')}]`;
  const pairs = values.map((value, index) => `${JSON.stringify(form.names[index])}:${value}`);
  return `{${pairs.join(',')}}`;
}
