/**
 * The lines of a reply as NDJSON: `{"fields", "command"}`, then one line for each row, then
 * `{"rowCount"}`; `{"error"}` in its place when the rows could not all be fetched.
 */
import { rowWriter, type RowMode, type SqlResult } from './reply-text.ts';

export interface RowLines {
  readonly head: string;
  /** The lines of some rows, each with its line end. */
  readonly rows: (rows: SqlResult['rows']) => string;
  readonly end: (rowCount: number) => string;
  readonly error: (problem: unknown) => string;
}

/** How the lines of `result` and of the rows after it are written. */
export function rowLines(result: Pick<SqlResult, 'fields' | 'command'>, mode: RowMode): RowLines {
  const { fields, write } = rowWriter(result.fields, mode);
  return {
    head: `${JSON.stringify({ fields, command: result.command })}\n`,
    rows: (rows) => rows.map((row) => `${write(row)}\n`).join(''),
    end: (rowCount) => `${JSON.stringify({ rowCount })}\n`,
    error: (problem) => `${JSON.stringify({ error: problem })}\n`,
  };
}
