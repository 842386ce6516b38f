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
  const { fields, write } = rowWriter(result.fields, mode);
  const parts = [
    `"rows":[${result.rows.map(write).join(',')}]`,
    `"fields":${JSON.stringify(fields)}`,
    `"rowCount":${result.rowCount}`,
    `"command":${JSON.stringify(result.command)}`,
    ...(result.isCutOff ? ['"truncated":true'] : []),
  ];
  return `{${parts.join(',')}}`;
}

export interface RowWriter {
  /** With the names that the rows use. */
  readonly fields: SqlResult['fields'];
  readonly write: (row: SqlResult['rows'][number]) => string;
}

/** How rows with these columns are written. */
export function rowWriter(columns: SqlResult['fields'], mode: RowMode): RowWriter {
  const names = uniqueNames(columns.map(({ name }) => name));
  const fields = columns.map(({ typeOid }, index) => ({ name: names[index] ?? '', typeOid }));
  const keys = names.map((name) => JSON.stringify(name));
  const write = (row: SqlResult['rows'][number]): string => {
    if (mode === 'text') return JSON.stringify(row);
    const values = row.map((value, index) => jsonOf(value, fields[index]?.typeOid ?? 0));
    if (mode === 'array') return `[${values.join(',')}]`;
    return `{${values.map((value, index) => `${keys[index] ?? '""'}:${value}`).join(',')}}`;
  };
  return { fields, write };
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
