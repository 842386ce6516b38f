/**
 * The changes of a logged transaction as people read them: table, row before and after by column
 * name, and the request that made them when it had an Idempotency-Key.
 */
import type { MalformedBytes } from '../byte-reader.ts';
import {
  decodePgoutput,
  type PgoutputMessage,
  type Relation,
  type Tuple,
} from './pgoutput-message.ts';

export type RowText = Readonly<Record<string, string | null>>;

export interface TailRow {
  readonly schema: string;
  readonly table: string;
  readonly command: 'insert' | 'update' | 'delete' | 'truncate' | 'ddl';
  /** What found the row: its key, or the whole row where the table has none; null without. */
  readonly key: RowText | null;
  /** As far as the record has it: the key alone, unless the table's identity is the whole row. */
  readonly before: RowText | null;
  /** Without TOASTed values that did not change. */
  readonly after: RowText | null;
}

export interface RequestKey {
  readonly key: string;
  readonly caller: string;
}

export interface TailRows {
  readonly rows: readonly TailRow[];
  readonly request: RequestKey | null;
}

/**
 * Reads transactions of one log in order; relations known from one message hold for the next. Rows
 * of Meridian's own tables are left out, but for DDL and the request's key.
 */
export class TailReader {
  readonly #relations = new Map<number, Relation>();

  /** The rows of `messages`, or why they cannot be read. */
  read(messages: readonly Uint8Array[]): (TailRows & { readonly kind: 'rows' }) | MalformedBytes {
    const rows: TailRow[] = [];
    let request: RequestKey | null = null;
    for (const bytes of messages) {
      const message = decodePgoutput(bytes);
      if (message.kind === 'malformed') return message;
      if (message.kind === 'relation') {
        this.#relations.set(message.relation.oid, message.relation);
        continue;
      }
      for (const row of this.#rowsOf(message)) {
        request ??= requestOf(row);
        const shown = shownRow(row);
        if (shown !== null) rows.push(shown);
      }
    }
    return { kind: 'rows', rows, request };
  }

  #rowsOf(message: PgoutputMessage): TailRow[] {
    switch (message.kind) {
      case 'insert': {
        const relation = this.#relations.get(message.relation);
        const after = named(relation, message.row);
        return [
          {
            ...place(relation),
            command: 'insert',
            key: keyOf(relation, after),
            ...{ before: null, after },
          },
        ];
      }
      case 'update': {
        const relation = this.#relations.get(message.relation);
        const after = named(relation, message.row);
        const old = message.old === null ? null : named(relation, message.old);
        const before = message.oldIsKey ? keyOf(relation, old) : old;
        const key = before === null ? keyOf(relation, after) : keyOf(relation, before);
        return [{ ...place(relation), command: 'update', key, before, after }];
      }
      case 'delete': {
        const relation = this.#relations.get(message.relation);
        const old = named(relation, message.old);
        const key = keyOf(relation, old);
        const before = message.oldIsKey ? key : old;
        return [{ ...place(relation), command: 'delete', key, before, after: null }];
      }
      case 'truncate':
        return message.relations.map((oid) => ({
          ...place(this.#relations.get(oid)),
          ...{ command: 'truncate', key: null, before: null, after: null },
        }));
      default:
        return [];
    }
  }
}

function place(relation: Relation | undefined): Pick<TailRow, 'schema' | 'table'> {
  return { schema: relation?.schema ?? '?', table: relation?.name ?? '?' };
}

function named(relation: Relation | undefined, tuple: Tuple): RowText {
  const entries = tuple.flatMap((value, index): [string, string | null][] =>
    value === undefined ? [] : [[relation?.columns[index]?.name ?? `column ${index + 1}`, value]],
  );
  return Object.fromEntries(entries);
}

/** The columns that find the row; the whole row of a table without key. */
function keyOf(relation: Relation | undefined, row: RowText | null): RowText | null {
  if (row === null) return null;
  const names = relation?.columns.filter(({ isKey }) => isKey).map(({ name }) => name) ?? [];
  if (names.length === 0) return row;
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}

function requestOf({ schema, table, command, after }: TailRow): RequestKey | null {
  if (schema !== 'meridian' || table !== 'idempotency' || command !== 'insert') return null;
  return { key: after?.['key'] ?? '', caller: after?.['caller'] ?? '' };
}

function shownRow(row: TailRow): TailRow | null {
  if (row.schema === 'meridian_local') return null;
  if (row.schema !== 'meridian') return row;
  return row.table === 'ddl' && row.command === 'insert' ? { ...row, command: 'ddl' } : null;
}
