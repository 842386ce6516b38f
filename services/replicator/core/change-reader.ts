/** Turns pgoutput messages into row changes of known shapes. */
import type { RowChange } from './apply-plan.ts';
import type {
  ColumnValue,
  PgoutputMessage,
  Tuple,
} from '../../../shared/core/pgoutput/pgoutput-message.ts';
import type { TableShape } from './table-shape.ts';

export type RowMessage = Extract<PgoutputMessage, { kind: 'insert' | 'update' | 'delete' }>;

/** The change that `message` says, for a table of that shape. */
export function changeOf(message: RowMessage, shape: TableShape): RowChange {
  switch (message.kind) {
    case 'insert':
      return { kind: 'insert', shape, row: message.row };
    case 'delete':
      return { kind: 'delete', shape, old: message.old };
    case 'update': {
      const { old, row, oldIsKey } = message;
      if (old === null) return { kind: 'update', shape, old: row, row };
      const finding = oldIsKey ? withKeyOf(shape, old, row) : old;
      return { kind: 'update', shape, old: finding, row };
    }
  }
}

/** A key tuple has values in the key's columns only; the others are as in the new row. */
function withKeyOf(shape: TableShape, key: Tuple, row: Tuple): Tuple {
  const old: ColumnValue[] = [...row];
  for (const index of shape.key) old[index] = key[index];
  return old;
}
