/**
 * Writes the changes of pgoutput messages inside the applier's open transaction: rows as planned
 * statements whose row counts must match, TRUNCATE and captured DDL in their place.
 */
import type { Client } from 'pg';
import { ident, statementOf, tableName, type ApplyStatement } from '../core/apply-sql.ts';
import { isGroupable, planChanges, planOneByOne, type RowChange } from '../core/apply-plan.ts';
import { changeOf } from '../core/change-reader.ts';
import { decodePgoutput } from '../core/pgoutput-message.ts';
import type { PgoutputMessage, Relation } from '../core/pgoutput-message.ts';
import { shapeOf, type TableShape } from '../core/table-shape.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { replayDdl } from './ddl-replay.ts';
import { readTable } from './table-catalog.ts';

export type WriteMode = 'grouped' | 'one by one';

const rowsMax = 5000;

interface Announced {
  readonly bytes: Uint8Array;
  readonly relation: Relation;
  /** What it is here; read when a row needs it, and anew after DDL. */
  shape: TableShape | null;
}

export class ChangeWriter {
  readonly #client: Client;
  /** Text of a relation message → what it is here. */
  readonly #shapes = new Map<string, TableShape>();
  #nextShape = 1;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Forgets what it knows of tables: after a rollback nothing that was learnt may hold. */
  forget(): void {
    this.#shapes.clear();
  }

  /** Writes all of `messages`; throws Divergence when a statement touches other rows than it must. */
  async write(messages: readonly Uint8Array[], mode: WriteMode): Promise<void> {
    const announced = new Map<number, Announced>();
    let changes: RowChange[] = [];
    const flush = async (): Promise<void> => {
      const planned = changes;
      changes = [];
      await this.#writeChanges(planned, mode);
    };
    for (const bytes of messages) {
      const message = decodePgoutput(bytes);
      if (message.kind === 'malformed') {
        throw new MeridianError('ProtocolViolation', `a change cannot be read: ${message.why}`);
      }
      if (message.kind === 'relation') {
        announced.set(message.relation.oid, { bytes, relation: message.relation, shape: null });
      } else if (message.kind === 'truncate') {
        await flush();
        await this.#truncate(message, announced);
      } else if (isRow(message)) {
        const known = announcedIn(announced, message.relation);
        known.shape ??= await this.#shapeFor(known);
        const change = changeOf(message, known.shape);
        changes.push(change);
        if (change.kind === 'insert' && isDdlTable(known.relation)) {
          await flush();
          await replayDdl(this.#client, known.shape, change.row);
          this.forget();
          for (const other of announced.values()) other.shape = null;
        }
      }
    }
    await flush();
  }

  async #writeChanges(changes: readonly RowChange[], mode: WriteMode): Promise<void> {
    if (changes.length === 0) return;
    const isGrouped = mode === 'grouped' && changes.every(isGroupable);
    const steps = isGrouped ? planChanges(changes, rowsMax) : planOneByOne(changes);
    for (const step of steps) await this.#run(statementOf(step));
  }

  async #run(statement: ApplyStatement): Promise<void> {
    const { text, values, expectedRows, table } = statement;
    const result = await this.#client.query(text, values as unknown[]);
    if (result.rowCount === expectedRows) return;
    throw new MeridianError(
      'Divergence',
      `${table}: a change meets other rows than at its source`,
      {
        table,
        key: values
          .map((value) => (Array.isArray(value) ? '…' : (value as string | null)))
          .join(','),
        expectedRows,
        rows: result.rowCount ?? 0,
      },
    );
  }

  async #truncate(
    message: Extract<PgoutputMessage, { kind: 'truncate' }>,
    announced: ReadonlyMap<number, Announced>,
  ): Promise<void> {
    const tables = message.relations.map((oid) => tableName(announcedIn(announced, oid).relation));
    const restart = message.restartsSequences ? ' RESTART IDENTITY' : '';
    // Every table that CASCADE reached is listed; foreign keys from others cannot exist.
    await this.#client.query(`TRUNCATE ONLY ${tables.join(', ')}${restart} CASCADE`);
  }

  async #shapeFor({ bytes, relation }: Announced): Promise<TableShape> {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const known = this.#shapes.get(text);
    if (known !== undefined) return known;
    const { schema, name } = relation;
    const table = await readTable(this.#client, schema, name);
    const where = `${ident(schema)}.${ident(name)}`;
    if (table === null) throw drifted(where, 'the table is missing here');
    const outcome = shapeOf(relation, table, this.#nextShape);
    if (outcome.kind === 'drifted') throw drifted(where, outcome.why);
    this.#nextShape += 1;
    this.#shapes.set(text, outcome.shape);
    return outcome.shape;
  }
}

function isRow(
  message: PgoutputMessage,
): message is Extract<PgoutputMessage, { kind: 'insert' | 'update' | 'delete' }> {
  return message.kind === 'insert' || message.kind === 'update' || message.kind === 'delete';
}

function announcedIn(announced: ReadonlyMap<number, Announced>, oid: number): Announced {
  const known = announced.get(oid);
  if (known !== undefined) return known;
  throw new MeridianError('ProtocolViolation', `relation ${oid} was not announced in its record`);
}

function isDdlTable({ schema, name }: Pick<Relation, 'schema' | 'name'>): boolean {
  return schema === 'meridian' && name === 'ddl';
}

function drifted(table: string, why: string): MeridianError {
  return new MeridianError('Divergence', `${table} differs from its source: ${why}`, {
    table,
    hint: 'Make the table equal to the primary region’s again; replication then goes on by itself.',
  });
}
