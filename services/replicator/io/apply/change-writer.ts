/**
 * Writes the changes of pgoutput messages inside the applier's open transaction: rows as planned
 * statements whose row counts must match; TRUNCATE, captured DDL and carried rows in their place.
 */
import type { PgClient } from '../../../../shared/pg/client.ts';
import { statementOf, tableName, type ApplyStatement } from '../../core/apply-sql.ts';
import { isGroupable, planChanges, planOneByOne, type RowChange } from '../../core/apply-plan.ts';
import { changeOf, type RowMessage } from '../../core/change-reader.ts';
import {
  decodePgoutput,
  type PgoutputMessage,
  type Relation,
} from '../../../../shared/core/pgoutput/pgoutput-message.ts';
import { shapeOf, type TableShape } from '../../core/table-shape.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { isNotSupported } from '../../../../shared/errors/sqlstate.ts';
import { PgPipeline, type PipelinedStatement } from '../../../../shared/pg/pipeline.ts';
import { insertCarried, replayDdl } from './ddl-replay.ts';
import { readTable } from './table-catalog.ts';

export type WriteMode = 'grouped' | 'one by one';

const rowsMax = 5000;
/** Statements that wait to be sent together, at most. */
const pendingStatementsMax = 500;
const pendingCharactersMax = 1024 * 1024;
/** So many changes are planned and sent; the next ones are planned while the server runs them. */
const plannedMax = 2000;
/** Batches that are sent or wait for the one before, at most. */
const batchesMax = 2;
const commitStatement = { text: 'COMMIT', values: [] };

interface Pending {
  readonly statement: PipelinedStatement;
  /** Null: any number of rows. */
  readonly check: ApplyStatement | null;
}

interface Announced {
  readonly bytes: Uint8Array;
  readonly relation: Relation;
  /** What it is here; read when a row needs it, and anew after DDL. `missing`: no such table. */
  shape: TableShape | 'missing' | null;
}

export class ChangeWriter {
  readonly #client: PgClient;
  /** Text of a relation message → what it is here. */
  readonly #shapes = new Map<string, TableShape>();
  /** Tables that had rows before the DDL that makes them and carries their rows. */
  readonly #awaited = new Set<string>();
  readonly #pipeline: PgPipeline;
  #pending: Pending[] = [];
  #pendingCharacters = 0;
  /** Results of what was sent, in order. */
  #batches: Promise<void>[] = [];
  #nextShape = 1;

  constructor(client: PgClient) {
    this.#client = client;
    this.#pipeline = new PgPipeline(client);
  }

  /** Begins a transaction; nothing is awaited from an earlier one. */
  begin(): void {
    this.#awaited.clear();
    this.#pending = [];
    this.#batches = [];
    this.command('BEGIN');
  }

  /** Rolls back, wholly or to a savepoint; nothing that was learnt of tables may hold. */
  async rollback(savepoint: string | null = null): Promise<void> {
    this.#pending = [];
    this.#pendingCharacters = 0;
    this.#batches = [];
    this.#shapes.clear();
    const to = savepoint === null ? '' : ` TO SAVEPOINT ${savepoint}`;
    await this.#client.query(`ROLLBACK${to}`);
    if (savepoint !== null) await this.#client.query(`RELEASE SAVEPOINT ${savepoint}`);
  }

  /** Queues a command without values, e.g. a savepoint. */
  command(text: string): void {
    this.#pending.push({ statement: { text, values: [] }, check: null });
  }

  /** To be called before COMMIT: throws Divergence when rows came for a table that never did. */
  async finish(): Promise<void> {
    await this.send();
    const [table] = this.#awaited;
    if (table !== undefined) throw drifted(table, 'the table is missing here');
  }

  /**
   * Sends what is queued and waits for all that was sent; throws Divergence when a statement
   * touches other rows than it must.
   */
  async send(): Promise<void> {
    this.#launch();
    await this.#settle(0);
  }

  /** Sends what is queued; the result is awaited later. */
  #launch(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingCharacters = 0;
    const batch = this.#run(pending);
    // Who waits for an earlier batch may give up before this one has failed, too.
    batch.catch(() => undefined);
    this.#batches.push(batch);
  }

  async #run(pending: readonly Pending[]): Promise<void> {
    const counts = await this.#pipeline.run(pending.map(({ statement }) => statement));
    for (const [index, { check }] of pending.entries()) {
      if (check !== null && counts[index] !== check.expectedRows)
        throw otherRows(check, counts[index]);
    }
  }

  /** Commits after running `text`; what is queued from now on comes after it, and fails with it. */
  async commit(text: string, values: readonly string[]): Promise<void> {
    await this.#pipeline.run([{ text, values }, commitStatement]);
  }

  /** Waits until at most `count` batches are under way; the first failure wins. */
  async #settle(count: number): Promise<void> {
    while (this.#batches.length > count) await this.#batches.shift();
  }

  /**
   * Writes all of `messages`; throws Divergence when a statement touches other rows than it must.
   */
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
        // Mostly nothing is to be waited for.
        if (known.shape === null) known.shape = await this.#shapeFor(known);
        const change = this.#changeOf(message, known, known.shape);
        if (change === null) continue;
        changes.push(change);
        if (changes.length >= plannedMax) {
          await flush();
          this.#launch();
          await this.#settle(batchesMax - 1);
        }
        if (!isDdl(change)) continue;
        await flush();
        await this.#replay(change);
        for (const other of announced.values()) other.shape = null;
      }
    }
    await flush();
  }

  /** The change, or null for a row that a later command of the transaction brings anew. */
  #changeOf(
    message: RowMessage,
    { relation }: Announced,
    shape: TableShape | 'missing',
  ): RowChange | null {
    if (shape !== 'missing') {
      const isCarrier = message.kind === 'delete' && isOwnTable(relation, 'carried_row');
      return isCarrier ? null : changeOf(message, shape);
    }
    const table = tableName(relation);
    // CREATE TABLE AS writes its rows before the command is captured.
    if (message.kind !== 'insert') throw drifted(table, 'the table is missing here');
    this.#awaited.add(table);
    return null;
  }

  async #replay(change: Extract<RowChange, { kind: 'insert' }>): Promise<void> {
    await this.send();
    await this.#pipeline.forget();
    const carries = await replayDdl(this.#client, change.shape, change.row);
    for (const [schema, name] of carries) this.#awaited.delete(tableName({ schema, name }));
    this.#shapes.clear();
  }

  async #writeChanges(changes: readonly RowChange[], mode: WriteMode): Promise<void> {
    if (changes.length === 0) return;
    const isGrouped = mode === 'grouped' && changes.every(isGroupable);
    const steps = isGrouped ? planChanges(changes, rowsMax) : planOneByOne(changes);
    for (const step of steps) {
      if (step.kind === 'insert' && isOwnTable(step.shape, 'carried_row')) {
        await this.send();
        await insertCarried(this.#client, step.shape, step.rows);
      } else {
        await this.#queue(statementOf(step));
      }
    }
  }

  async #queue(statement: ApplyStatement): Promise<void> {
    this.#pending.push({ statement, check: statement });
    this.#pendingCharacters += charactersOf(statement);
    const isFull =
      this.#pending.length >= pendingStatementsMax ||
      this.#pendingCharacters >= pendingCharactersMax;
    if (!isFull) return;
    this.#launch();
    await this.#settle(batchesMax - 1);
  }

  async #truncate(
    message: Extract<PgoutputMessage, { kind: 'truncate' }>,
    announced: ReadonlyMap<number, Announced>,
  ): Promise<void> {
    const tables = message.relations.map((oid) => tableName(announcedIn(announced, oid).relation));
    const restart = message.restartsSequences ? ' RESTART IDENTITY' : '';
    await this.send();
    await this.#client.query('SAVEPOINT truncated');
    try {
      await this.#client.query(`TRUNCATE ONLY ${tables.join(', ONLY ')}${restart}`);
    } catch (error) {
      if (!isNotSupported(error)) throw error;
      // A partitioned table refers to one of them: only its partitions are named in the message.
      await this.#client.query('ROLLBACK TO SAVEPOINT truncated');
      for (const table of tables) await this.#client.query(`DELETE FROM ONLY ${table}`);
    }
    await this.#client.query('RELEASE SAVEPOINT truncated');
  }

  async #shapeFor({ bytes, relation }: Announced): Promise<TableShape | 'missing'> {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const known = this.#shapes.get(text);
    if (known !== undefined) return known;
    const { schema, name } = relation;
    await this.send();
    const table = await readTable(this.#client, schema, name);
    if (table === null) return 'missing';
    const outcome = shapeOf(relation, table, this.#nextShape);
    if (outcome.kind === 'drifted') throw drifted(tableName(relation), outcome.why);
    this.#nextShape += 1;
    this.#shapes.set(text, outcome.shape);
    return outcome.shape;
  }
}

function otherRows(check: ApplyStatement, rows: number | undefined): MeridianError {
  const { table, values, expectedRows } = check;
  const message = `${table}: a change meets other rows than at its source`;
  const key = values.map((value) => (typeof value === 'string' ? value : '…')).join(',');
  return new MeridianError('Divergence', message, { table, key, expectedRows, rows: rows ?? 0 });
}

function charactersOf({ text, values }: ApplyStatement): number {
  let characters = text.length;
  for (const value of values) {
    if (typeof value === 'string') characters += value.length;
    else if (value !== null) for (const item of value) characters += item?.length ?? 4;
  }
  return characters;
}

function isRow(message: PgoutputMessage): message is RowMessage {
  return message.kind === 'insert' || message.kind === 'update' || message.kind === 'delete';
}

function isDdl(change: RowChange): change is Extract<RowChange, { kind: 'insert' }> {
  return change.kind === 'insert' && isOwnTable(change.shape, 'ddl');
}

function announcedIn(announced: ReadonlyMap<number, Announced>, oid: number): Announced {
  const known = announced.get(oid);
  if (known !== undefined) return known;
  throw new MeridianError('ProtocolViolation', `relation ${oid} was not announced in its record`);
}

function isOwnTable(table: Pick<Relation, 'schema' | 'name'>, name: string): boolean {
  return table.schema === 'meridian' && table.name === name;
}

function drifted(table: string, why: string): MeridianError {
  return new MeridianError('Divergence', `${table} differs from its source: ${why}`, {
    table,
    hint: 'Make the table equal to the primary region’s again; replication then goes on by itself.',
  });
}
