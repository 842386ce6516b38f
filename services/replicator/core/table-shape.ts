/** What the applier knows of a table of its own region, and how a relation of the log fits it. */
import type { Relation } from '../../../shared/core/pgoutput/pgoutput-message.ts';

export interface TargetColumn {
  readonly name: string;
  /** Type as PostgreSQL writes it, qualified, with its modifier. */
  readonly type: string;
  /** Equality of its type's default order, e.g. `OPERATOR(pg_catalog.=)`; used for keys only. */
  readonly equals: string;
  readonly isGenerated: boolean;
  readonly isIdentityAlways: boolean;
}

export interface TargetTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly TargetColumn[];
  /** Names of the primary key's columns; empty without one. */
  readonly primaryKey: readonly string[];
  /** Triggers that fire for replicated changes: their order must be kept. */
  readonly hasReplicaTriggers: boolean;
}

/** A relation of the log joined with the table it is applied to. */
export interface TableShape {
  /** Unique among the shapes of one applier; grows when a shape is made anew. */
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  /** In the order of the tuples. */
  readonly columns: readonly TargetColumn[];
  /** Indexes into `columns` that find a row; empty: the whole row does. */
  readonly key: readonly number[];
  readonly hasReplicaTriggers: boolean;
}

export type ShapeOutcome =
  | { readonly kind: 'fits'; readonly shape: TableShape }
  | { readonly kind: 'drifted'; readonly why: string };

/** Joins `relation` with `table`; drifted when the columns are not the same. */
export function shapeOf(relation: Relation, table: TargetTable, id: number): ShapeOutcome {
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const columns: TargetColumn[] = [];
  for (const { name } of relation.columns) {
    const column = byName.get(name);
    if (column === undefined) return drifted(`the column ${name} is missing here`);
    byName.delete(name);
    columns.push(column);
  }
  const extra = [...byName.values()].find((column) => !column.isGenerated);
  if (extra !== undefined) return drifted(`the column ${extra.name} exists only here`);
  const key = keyOf(relation, table);
  const { schema, name, hasReplicaTriggers } = table;
  return { kind: 'fits', shape: { id, schema, name, columns, key, hasReplicaTriggers } };
}

function keyOf(relation: Relation, table: TargetTable): number[] {
  const indexesWhere = (test: (index: number) => boolean): number[] =>
    relation.columns.flatMap((_, index) => (test(index) ? [index] : []));
  if (relation.identity !== 'f') {
    return indexesWhere((index) => relation.columns[index]?.isKey === true);
  }
  const names = new Set(table.primaryKey);
  const key = indexesWhere((index) => names.has(relation.columns[index]?.name ?? ''));
  return key.length === names.size ? key : [];
}

function drifted(why: string): ShapeOutcome {
  return { kind: 'drifted', why };
}
