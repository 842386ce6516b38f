/**
 * Parameters that refer to results of earlier statements of the same transaction, written
 * `{"$result": {"statement": 0, "row": 0, "column": "id"}}` (statements and rows count from 0).
 */
import { isRecord } from './parse-tree.ts';

export interface Reference {
  readonly statement: number;
  readonly row: number;
  readonly column: string;
}

export interface EarlierResult {
  readonly fields: readonly { readonly name: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export type Resolved =
  | { readonly kind: 'resolved'; readonly params: readonly unknown[] }
  | { readonly kind: 'unresolved'; readonly why: string };

/** The references among `params`, in order. */
export function referencesIn(params: readonly unknown[]): readonly Reference[] {
  return params.flatMap((param) => referenceOf(param) ?? []);
}

/** Groups in the order given; a statement with references begins a new one. */
export function splitAtReferences<T extends { readonly params: readonly unknown[] }>(
  statements: readonly T[],
): readonly (readonly T[])[] {
  const groups: T[][] = [[]];
  for (const statement of statements) {
    const needsResults = referencesIn(statement.params).length > 0;
    if (needsResults && groups.at(-1)?.length !== 0) groups.push([]);
    groups.at(-1)?.push(statement);
  }
  return groups;
}

/** `params` with PostgreSQL's text of each value that they refer to. */
export function resolveParams(
  params: readonly unknown[],
  results: readonly EarlierResult[],
): Resolved {
  const resolved: unknown[] = [];
  for (const param of params) {
    const reference = referenceOf(param);
    if (reference === null) {
      resolved.push(param);
      continue;
    }
    const { statement, row, column } = reference;
    const result = results[statement];
    const index = result?.fields.findIndex(({ name }) => name === column) ?? -1;
    const value = result?.rows[row]?.[index];
    if (value === undefined) {
      const why = `There is no value of column ${column} in row ${row} of statement ${statement}.`;
      return { kind: 'unresolved', why };
    }
    resolved.push(value);
  }
  return { kind: 'resolved', params: resolved };
}

function referenceOf(param: unknown): Reference | null {
  if (!isRecord(param) || Object.keys(param).length !== 1) return null;
  const target = param['$result'];
  if (!isRecord(target)) return null;
  const { statement, row, column } = target;
  const isWhole = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= 0;
  if (!isWhole(statement) || !isWhole(row) || typeof column !== 'string') return null;
  return { statement, row, column };
}
