/**
 * Turns row changes, in commit order, into as few statements as keep the result the same: changes
 * of different rows commute, changes of one row keep their order. Unique constraints other than
 * the key may be violated on the way; then the caller applies the same changes one by one.
 */
import type { ColumnValue, Tuple } from '../../../shared/core/pgoutput/pgoutput-message.ts';
import type { TableShape } from './table-shape.ts';

export type RowChange =
  | { readonly kind: 'insert'; readonly shape: TableShape; readonly row: Tuple }
  | {
      readonly kind: 'update';
      readonly shape: TableShape;
      /** Values that find the row: of the key columns, or of all when there is no key. */
      readonly old: Tuple;
      readonly row: Tuple;
    }
  | { readonly kind: 'delete'; readonly shape: TableShape; readonly old: Tuple };

/** One statement: the same operation on several rows of one table. */
export type ApplyStep =
  | { readonly kind: 'insert'; readonly shape: TableShape; readonly rows: readonly Tuple[] }
  | {
      readonly kind: 'update';
      readonly shape: TableShape;
      /** Indexes of the columns that are set. */
      readonly set: readonly number[];
      readonly changes: readonly UpdatedRow[];
    }
  | { readonly kind: 'delete'; readonly shape: TableShape; readonly rows: readonly Tuple[] };

export interface UpdatedRow {
  readonly old: Tuple;
  readonly row: Tuple;
}

interface Run {
  readonly signature: string;
  readonly kind: RowChange['kind'];
  readonly set: readonly number[];
  readonly shape: TableShape;
  readonly rows: Tuple[];
  readonly changes: UpdatedRow[];
  /** Key text → place in `changes`, so that a later update of the same row replaces it. */
  readonly places: Map<string, number>;
}

interface TablePlan {
  readonly runs: Run[];
  readonly latest: Map<string, number>;
  /** Key text → index of the last run that touches the row. */
  readonly touched: Map<string, number>;
}

/** Statements that do what `changes` do, in this order; `rowsMax` bounds one statement. */
export function planChanges(changes: readonly RowChange[], rowsMax: number): ApplyStep[] {
  const tables = new Map<number, TablePlan>();
  for (const change of changes) {
    let plan = tables.get(change.shape.id);
    if (plan === undefined) {
      plan = { runs: [], latest: new Map(), touched: new Map() };
      tables.set(change.shape.id, plan);
    }
    addChange(plan, change, rowsMax);
  }
  return [...tables.values()].flatMap((plan) => plan.runs.map(stepOf));
}

/** One statement for each change, in the given order. */
export function planOneByOne(changes: readonly RowChange[]): ApplyStep[] {
  return changes.map((change) => {
    const run = newRun(change, '');
    addToRun(run, change, null);
    return stepOf(run);
  });
}

/** Whether the change may share a statement with others. */
export function isGroupable({ shape }: RowChange): boolean {
  return !shape.hasReplicaTriggers;
}

function addChange(plan: TablePlan, change: RowChange, rowsMax: number): void {
  const { shape } = change;
  const isKeyed = shape.key.length > 0;
  // Without a key every change may meet the same row: only inserts go together.
  const key = isKeyed ? keyTextOf(shape, change.kind === 'insert' ? change.row : change.old) : '';
  const newKey = change.kind === 'update' && isKeyed ? newKeyOf(change) : key;
  const isAlone = newKey !== key || (!isKeyed && change.kind !== 'insert');
  const signature = isAlone ? null : signatureOf(change);
  const touchedAt = Math.max(plan.touched.get(key) ?? -1, plan.touched.get(newKey) ?? -1);
  const candidate = signature === null ? undefined : plan.latest.get(signature);
  if (candidate !== undefined && candidate >= touchedAt) {
    const run = plan.runs[candidate];
    const mayJoin = candidate > touchedAt || change.kind === 'update' || !isKeyed;
    if (run !== undefined && mayJoin && addToRun(run, change, { key, rowsMax })) {
      plan.touched.set(key, candidate);
      return;
    }
  }
  const run = newRun(change, signature ?? '');
  addToRun(run, change, { key, rowsMax });
  const index = plan.runs.push(run) - 1;
  if (signature !== null) plan.latest.set(signature, index);
  plan.touched.set(key, index);
  plan.touched.set(newKey, index);
}

function newRun(change: RowChange, signature: string): Run {
  const { kind, shape } = change;
  const set = kind === 'update' ? setColumnsOf(change) : [];
  return { signature, kind, set, shape, rows: [], changes: [], places: new Map() };
}

/** Adds to the run; false when it is full. */
function addToRun(
  run: Run,
  change: RowChange,
  place: { readonly key: string; readonly rowsMax: number } | null,
): boolean {
  if (change.kind === 'update') {
    const updated: UpdatedRow = { old: change.old, row: change.row };
    const known = place === null ? undefined : run.places.get(place.key);
    if (known !== undefined) {
      run.changes[known] = updated;
      return true;
    }
    if (place !== null && run.changes.length >= place.rowsMax) return false;
    run.changes.push(updated);
    if (place !== null) run.places.set(place.key, run.changes.length - 1);
    return true;
  }
  if (place !== null && run.rows.length >= place.rowsMax) return false;
  run.rows.push(change.kind === 'insert' ? change.row : change.old);
  return true;
}

function stepOf(run: Run): ApplyStep {
  const { kind, shape, rows, changes, set } = run;
  return kind === 'update' ? { kind, shape, set, changes } : { kind, shape, rows };
}

/** Columns that an update sets: all that were sent, the key only when it changes. */
function setColumnsOf(change: Extract<RowChange, { kind: 'update' }>): number[] {
  const { shape, row, old } = change;
  const isKeyed = shape.key.length > 0;
  const set = shape.columns.flatMap((column, index) => {
    const value = row[index];
    if (value === undefined || column.isGenerated) return [];
    const isFinding = !isKeyed || shape.key.includes(index);
    if (isFinding && old[index] === value && isKeyed) return [];
    if (column.isIdentityAlways && old[index] === value) return [];
    return [index];
  });
  return set;
}

function signatureOf(change: RowChange): string {
  return change.kind === 'update' ? `update ${setColumnsOf(change).join(',')}` : change.kind;
}

function newKeyOf(change: Extract<RowChange, { kind: 'update' }>): string {
  const { shape, row, old } = change;
  return keyTextOf(
    shape,
    shape.columns.map((_, index) => (row[index] === undefined ? old[index] : row[index])),
  );
}

/** The key's values as one text: injective, whatever the values hold. */
function keyTextOf(shape: TableShape, tuple: Tuple): string {
  const only = shape.key.length === 1 ? shape.key[0] : undefined;
  if (only !== undefined) return textOf(tuple[only]);
  return shape.key.map((index) => lengthPrefixed(textOf(tuple[index]))).join('');
}

function lengthPrefixed(text: string): string {
  return `${text.length}:${text}`;
}

function textOf(value: ColumnValue): string {
  return value === null || value === undefined ? '' : value;
}
