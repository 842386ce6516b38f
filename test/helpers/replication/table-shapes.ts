/** Shapes of imaginary tables for tests of planning. */
import type { TableShape, TargetColumn } from '../../../services/replicator/core/table-shape.ts';

/** A column of type text, unless `fields` say otherwise. */
export function testColumn(name: string, fields: Partial<TargetColumn> = {}): TargetColumn {
  return {
    name,
    type: 'text',
    equals: 'OPERATOR(pg_catalog.=)',
    isGenerated: false,
    isIdentityAlways: false,
    ...fields,
  };
}

/** A table whose first `keyCount` columns are its key. */
export function testShape(
  name: string,
  columns: readonly (string | TargetColumn)[],
  { keyCount = 1, id = 1 }: { readonly keyCount?: number; readonly id?: number } = {},
): TableShape {
  return {
    id,
    schema: 'public',
    name,
    columns: columns.map((one) => (typeof one === 'string' ? testColumn(one) : one)),
    key: Array.from({ length: keyCount }, (_, index) => index),
    hasReplicaTriggers: false,
  };
}
