/**
 * Runs several statements in one round trip (manual, section "Pipelining" of the extended query
 * protocol): all are sent, then one Sync. Each text is prepared once per connection. Values are
 * text; an array becomes an array literal.
 *
 * A batch is sent at once though another is still running, so that the server never waits between
 * two of them. Who uses the client itself besides waits for its batches first.
 */
import { bindMessage } from './bind-message.ts';
import type { PgClient } from './client.ts';

export interface PipelinedStatement {
  readonly text: string;
  readonly values: readonly PipelinedValue[];
}

export type PipelinedValue = string | null | readonly (string | null)[];

/** The parts of `pg`'s connection that send messages. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; write(bytes: Uint8Array): unknown };
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly (string | null)[] }): void;
  execute(message: { readonly rows: number }): void;
  sync(): void;
}

interface Batch {
  submit(connection: unknown): void;
  readonly callback: (error: Error) => void;
  handleError(error: Error): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleReadyForQuery(): void;
  handleRowDescription(): void;
  handleDataRow(): void;
  handleEmptyQuery(): void;
}

const preparedMax = 300;
/** A value of so many characters is not copied. */
const largeCharacters = 1024 * 1024;

export class PgPipeline {
  readonly #client: PgClient;
  #names = new Map<string, string>();
  #nextName = 1;
  /** Batches that the server has not answered yet. */
  #underWay = 0;

  constructor(client: PgClient) {
    this.#client = client;
  }

  /** Runs `statements` in order; resolves with the rows that each touched. The first error wins. */
  run(statements: readonly PipelinedStatement[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const counts: number[] = [];
      let isFailed = false;
      const fail = (error: Error): void => {
        isFailed = true;
        // Which of the new ones are prepared is not known: they get other names.
        this.#names = new Map();
        reject(error);
      };
      // Whatever the client holds back are batches, and those have been sent.
      const isSent = this.#underWay > 0;
      if (isSent) this.#send(wireOf(this.#client), statements);
      this.#underWay += 1;
      const batch: Batch = {
        submit: (connection) => {
          if (!isSent) this.#send(connection as Wire, statements);
        },
        callback: fail,
        handleError: fail,
        handleCommandComplete: ({ text }) => counts.push(rowsOf(text)),
        handleReadyForQuery: () => {
          this.#underWay -= 1;
          if (!isFailed) resolve(counts);
        },
        handleRowDescription: () => undefined,
        handleDataRow: () => undefined,
        handleEmptyQuery: () => counts.push(0),
      };
      this.#client.query(batch);
    });
  }

  /** To be called after DDL: what was prepared may have other types now. */
  async forget(): Promise<void> {
    if (this.#names.size === 0) return;
    this.#names = new Map();
    await this.#client.query('DEALLOCATE ALL');
  }

  #send(wire: Wire, statements: readonly PipelinedStatement[]): void {
    wire.stream.cork();
    try {
      for (const { text, values } of statements) {
        const statement = this.#prepared(wire, text);
        const literals = values.map(literalOf);
        if (!literals.some(isLarge)) wire.bind({ statement, values: literals });
        else for (const piece of bindMessage(statement, literals)) wire.stream.write(piece);
        wire.execute({ rows: 0 });
      }
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  }

  #prepared(wire: Wire, text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const isKept = this.#names.size < preparedMax;
    const name = isKept ? `p${this.#nextName++}` : '';
    if (isKept) this.#names.set(text, name);
    wire.parse({ name, text });
    return name;
  }
}

function wireOf(client: PgClient): Wire {
  return (client as unknown as { readonly connection: Wire }).connection;
}

/** The number at the end of a command tag. */
function rowsOf(tag: string): number {
  const digits = /(\d+)$/.exec(tag)?.[1];
  return digits === undefined ? 0 : Number(digits);
}

function literalOf(value: PipelinedValue): string | null {
  return value === null || typeof value === 'string' ? value : arrayLiteral(value);
}

function isLarge(value: string | null): boolean {
  return value !== null && value.length >= largeCharacters;
}

/** Values as a one-dimensional array literal (manual, section 8.15.6). */
export function arrayLiteral(values: readonly (string | null)[]): string {
  let text = '{';
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (index > 0) text += ',';
    text += value === null || value === undefined ? 'NULL' : quoted(value);
  }
  return `${text}}`;
}

function quoted(value: string): string {
  return needsEscape.test(value)
    ? `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    : `"${value}"`;
}

const needsEscape = /["\\]/;
