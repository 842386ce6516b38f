/**
 * The SQL of apply steps. Values travel as text and are cast in SQL, so that every type stays
 * exact; each statement says how many rows it must touch.
 */
import type { ApplyStep, UpdatedRow } from './apply-plan.ts';
import type { ColumnValue, Tuple } from '../../../shared/core/pgoutput/pgoutput-message.ts';
import type { TableShape, TargetColumn } from './table-shape.ts';

export interface ApplyStatement {
  readonly text: string;
  /** One text (or null) per parameter, or one array per column. */
  readonly values: readonly (string | null | readonly (string | null)[])[];
  readonly expectedRows: number;
  /** For a divergence report: the table and the first row's key. */
  readonly table: string;
}

/** The statement for `step`. */
export function statementOf(step: ApplyStep): ApplyStatement {
  if (step.kind === 'insert') {
    return step.rows.length === 1 ? insertOne(step.shape, step.rows) : insertMany(step);
  }
  if (step.kind === 'delete') {
    return step.rows.length === 1 ? deleteOne(step.shape, step.rows) : deleteMany(step);
  }
  const [only] = step.changes;
  return step.changes.length === 1 && only !== undefined
    ? updateOne(step.shape, step.set, only)
    : updateMany(step);
}

/** `name` quoted. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The table's name, qualified and quoted. */
export function tableName(shape: Pick<TableShape, 'schema' | 'name'>): string {
  return `${ident(shape.schema)}.${ident(shape.name)}`;
}

function insertOne(shape: TableShape, rows: readonly Tuple[]): ApplyStatement {
  const table = tableName(shape);
  const row = rows[0] ?? [];
  const written = writtenColumns(shape);
  if (written.length === 0) {
    const text = `INSERT INTO ${table} DEFAULT VALUES`;
    return { text, values: [], expectedRows: 1, table };
  }
  const places = written.map((_, n) => `$${n + 1}`);
  const text =
    `INSERT INTO ${table} (${written.map((index) => nameOf(shape, index)).join(', ')}) ` +
    `OVERRIDING SYSTEM VALUE VALUES (${places.join(', ')})`;
  return { text, values: written.map((index) => sent(row[index])), expectedRows: 1, table };
}

function insertMany(step: Extract<ApplyStep, { kind: 'insert' }>): ApplyStatement {
  const { shape, rows } = step;
  const table = tableName(shape);
  const written = writtenColumns(shape);
  if (written.length === 0) {
    const text = `INSERT INTO ${table} SELECT FROM generate_series(1, ${rows.length})`;
    return { text, values: [], expectedRows: rows.length, table };
  }
  const casts = written.map((index, n) => `v.c${n}::${columnAt(shape, index).type}`);
  const text =
    `INSERT INTO ${table} (${written.map((index) => nameOf(shape, index)).join(', ')}) ` +
    `OVERRIDING SYSTEM VALUE SELECT ${casts.join(', ')} FROM ${unnested(written.length)}`;
  const values = written.map((index) => columnOf(rows, index));
  return { text, values, expectedRows: rows.length, table };
}

/** Indexes of the columns that a row is put in with: PostgreSQL computes the others itself. */
function writtenColumns(shape: TableShape): number[] {
  return shape.columns.flatMap(({ isGenerated }, index) => (isGenerated ? [] : [index]));
}

function deleteOne(shape: TableShape, rows: readonly Tuple[]): ApplyStatement {
  const table = tableName(shape);
  const old = rows[0] ?? [];
  const found = findOne(shape, old, 1);
  const text = `DELETE FROM ONLY ${table} AS t WHERE ${found.condition}`;
  return { text, values: found.values, expectedRows: 1, table };
}

function deleteMany(step: Extract<ApplyStep, { kind: 'delete' }>): ApplyStatement {
  const { shape, rows } = step;
  const table = tableName(shape);
  const text =
    `DELETE FROM ONLY ${table} AS t USING ${unnested(shape.key.length)} ` +
    `WHERE ${keyMatches(shape, 0)}`;
  return {
    text,
    values: shape.key.map((index) => columnOf(rows, index)),
    expectedRows: rows.length,
    table,
  };
}

function updateOne(shape: TableShape, set: readonly number[], change: UpdatedRow): ApplyStatement {
  const table = tableName(shape);
  if (set.some((index) => shape.columns[index]?.isIdentityAlways)) {
    return replaceOne(shape, change);
  }
  const assignments = set.map((index, n) => `${nameOf(shape, index)} = $${n + 1}`);
  const found = findOne(shape, change.old, set.length + 1);
  const text =
    `UPDATE ONLY ${table} AS t SET ${nonEmpty(shape, assignments)} ` + `WHERE ${found.condition}`;
  const values = [...set.map((index) => sent(change.row[index])), ...found.values];
  return { text, values, expectedRows: 1, table };
}

/** PostgreSQL lets nobody set a GENERATED ALWAYS identity in UPDATE: the row is put in anew. */
function replaceOne(shape: TableShape, change: UpdatedRow): ApplyStatement {
  const table = tableName(shape);
  const written = writtenColumns(shape);
  const names = written.map((index) => nameOf(shape, index));
  const values: (string | null)[] = [];
  const fields = written.map((index) => {
    const column = columnAt(shape, index);
    const value = change.row[index];
    if (value === undefined) return `d.${ident(column.name)}`;
    values.push(value);
    return `$${values.length}::text::${column.type}`;
  });
  const found = findOne(shape, change.old, values.length + 1);
  const text =
    `WITH d AS (DELETE FROM ONLY ${table} AS t WHERE ${found.condition} RETURNING *) ` +
    `INSERT INTO ${table} (${names.join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${fields.join(', ')} FROM d`;
  return { text, values: [...values, ...found.values], expectedRows: 1, table };
}

function updateMany(step: Extract<ApplyStep, { kind: 'update' }>): ApplyStatement {
  const { shape, set, changes } = step;
  const table = tableName(shape);
  const assignments = set.map((index, n) => {
    return `${nameOf(shape, index)} = v.c${n}::${columnAt(shape, index).type}`;
  });
  const text =
    `UPDATE ONLY ${table} AS t SET ${nonEmpty(shape, assignments)} ` +
    `FROM ${unnested(set.length + shape.key.length)} WHERE ${keyMatches(shape, set.length)}`;
  const rows = changes.map(({ row }) => row);
  const olds = changes.map(({ old }) => old);
  const values = [
    ...set.map((index) => columnOf(rows, index)),
    ...shape.key.map((index) => columnOf(olds, index)),
  ];
  return { text, values, expectedRows: changes.length, table };
}

/** An UPDATE that sets nothing still has to touch its row. */
function nonEmpty(shape: TableShape, assignments: readonly string[]): string {
  if (assignments.length > 0) return assignments.join(', ');
  const column = shape.columns.findIndex(
    ({ isIdentityAlways, isGenerated }) => !isIdentityAlways && !isGenerated,
  );
  const name = nameOf(shape, Math.max(0, column));
  return `${name} = t.${name}`;
}

/** A condition that finds exactly one row, and its values; parameters count from `first`. */
function findOne(
  shape: TableShape,
  old: Tuple,
  first: number,
): { readonly condition: string; readonly values: (string | null)[] } {
  if (shape.key.length > 0) {
    const parts = shape.key.map((index, n) => {
      const { name, equals, type } = columnAt(shape, index);
      return `t.${ident(name)} ${equals} $${first + n}::text::${type}`;
    });
    return { condition: parts.join(' AND '), values: shape.key.map((index) => sent(old[index])) };
  }
  // Text compares exactly what equality may not: json, points, 1.0 and 1.00.
  const values: (string | null)[] = [];
  const parts = shape.columns.flatMap((column, index) => {
    const value = old[index];
    const name = `s.${ident(column.name)}`;
    if (value === undefined) return [];
    if (value === null) return [`${name} IS NULL`];
    values.push(value);
    const place = `($${first + values.length - 1}::text::${column.type})::text`;
    return [`${name}::text COLLATE "C" = ${place} COLLATE "C"`];
  });
  const condition =
    `(t.tableoid, t.ctid) = (SELECT s.tableoid, s.ctid FROM ONLY ${tableName(shape)} AS s ` +
    `WHERE ${parts.length === 0 ? 'true' : parts.join(' AND ')} LIMIT 1)`;
  return { condition, values };
}

function keyMatches(shape: TableShape, firstColumn: number): string {
  const parts = shape.key.map((index, n) => {
    const { name, equals, type } = columnAt(shape, index);
    return `t.${ident(name)} ${equals} v.c${firstColumn + n}::${type}`;
  });
  return parts.join(' AND ');
}

function unnested(count: number): string {
  const places = Array.from({ length: count }, (_, index) => `$${index + 1}::text[]`);
  const names = places.map((_, index) => `c${index}`);
  return `unnest(${places.join(', ')}) AS v(${names.join(', ')})`;
}

function columnOf(rows: readonly Tuple[], index: number): (string | null)[] {
  return rows.map((row) => sent(row[index]));
}

function sent(value: ColumnValue): string | null {
  return value ?? null;
}

function nameOf(shape: TableShape, index: number): string {
  return ident(columnAt(shape, index).name);
}

function columnAt(shape: TableShape, index: number): TargetColumn {
  const column = shape.columns[index];
  if (column === undefined) throw new RangeError(`no column ${index} in ${tableName(shape)}`);
  return column;
}
