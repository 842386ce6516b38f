/**
 * Several statements in one flush of the extended protocol, with one Sync at the end (PostgreSQL
 * manual, "Pipelining"): after an error PostgreSQL skips everything up to the Sync, so a COMMIT
 * behind a failed statement never runs.
 */
import type { connectPg } from '../../../../shared/pg/client.ts';
import type { StatementResult } from '../../../../shared/ports/data-access.ts';
import { preparedOf, type PreparedStatements } from './prepared-statements.ts';

export type PgClient = Awaited<ReturnType<typeof connectPg>>;

export interface ExchangeStep {
  readonly sql: string;
  readonly values: readonly (string | null)[];
  /** The router's own constant text: parsed once per connection. */
  readonly isConstant?: boolean;
  /** A caller's text that comes often: the connection keeps its plan, among others of its kind. */
  readonly isRepeated?: boolean;
  /** At most so many rows are kept; the step's result then says `isCutOff`. */
  readonly rowsMax?: number;
  /** Rows of the exchange are kept up to so many bytes in all. */
  readonly bytesMax?: number;
  /** Its bytes are counted by themselves: it goes to somebody else than what came before. */
  readonly isOwnReply?: boolean;
  /** It is executed to its end although no more rows are kept: it may write. */
  readonly mustFinish?: boolean;
}

/** A statement failed, or the connection did. */
export class ExchangeFailed extends Error {
  override readonly name = 'ExchangeFailed';
  /** Index of the step that was under way; steps before it were answered. */
  readonly step: number;
  /** False when the connection was gone before anything could be sent. */
  readonly wasSent: boolean;
  /** Of the steps before it. */
  readonly results: readonly StatementResult[];

  constructor(results: readonly StatementResult[], wasSent: boolean, cause: unknown) {
    super(`step ${results.length} failed`, { cause });
    this.step = results.length;
    this.wasSent = wasSent;
    this.results = results;
  }
}

/** Warnings that came while the steps ran, with the step each belongs to. */
export interface ExchangeReply {
  readonly results: readonly StatementResult[];
  readonly warnings: readonly { readonly step: number; readonly message: string }[];
}

/** Runs `steps` in one round trip; throws ExchangeFailed. The client must be idle. */
export async function runExchange(
  client: PgClient,
  steps: readonly ExchangeStep[],
): Promise<ExchangeReply> {
  const warnings: { step: number; message: string }[] = [];
  const exchange = new Exchange(steps, preparedOf(client));
  const onNotice = (notice: { severity?: string | undefined; message?: string | undefined }) => {
    if (notice.severity !== 'WARNING') return;
    warnings.push({ step: exchange.step, message: notice.message ?? '' });
  };
  client.on('notice', onNotice);
  try {
    client.query(exchange);
    return { results: await exchange.done, warnings };
  } finally {
    client.off('notice', onNotice);
  }
}

interface DataRow {
  readonly fields: (string | null)[];
  /** Bytes of the message. */
  readonly length: number;
}

interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The part of the driver's connection that is used here. */
interface WireConnection {
  readonly stream: { readonly writable: boolean; write(bytes: Uint8Array): unknown };
  _send(bytes: Uint8Array): void;
  parse(query: { text: string; name: string; types?: readonly number[] }): void;
  close(target: { type: 'S'; name: string }): void;
  bind(config: { portal: string; statement: string; values: readonly (string | null)[] }): void;
  describe(target: { type: 'P'; name: string }): void;
  execute(config: { portal: string; rows: number }): void;
  sync(): void;
}

/** The connection with its messages kept: a flush is one write. */
function collectorOf(connection: WireConnection, messages: Uint8Array[]): WireConnection {
  const collecting = Object.create(connection) as WireConnection;
  collecting._send = (bytes) => void messages.push(bytes);
  return collecting;
}

/** A submittable of `pg`: the driver hands it the messages of its answer. */
class Exchange {
  readonly done: Promise<readonly StatementResult[]>;
  readonly #steps: readonly ExchangeStep[];
  readonly #prepared: PreparedStatements;
  readonly #results: StatementResult[] = [];
  #fields: StatementResult['fields'] = [];
  #rows: (string | null)[][] = [];
  #bytes = 0;
  #isCutOff = false;
  #wasSent = false;
  #resolve: (results: readonly StatementResult[]) => void = () => undefined;
  #reject: (error: ExchangeFailed) => void = () => undefined;

  constructor(steps: readonly ExchangeStep[], prepared: PreparedStatements) {
    this.#steps = steps;
    this.#prepared = prepared;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Index of the step whose answer is awaited. */
  get step(): number {
    return this.#results.length;
  }

  submit(driverConnection: unknown): null {
    const connection = driverConnection as WireConnection;
    this.#wasSent = true;
    const messages: Uint8Array[] = [];
    const collecting = collectorOf(connection, messages);
    for (const step of this.#steps) {
      const name = this.#statementName(step, collecting);
      collecting.bind({ portal: '', statement: name, values: step.values });
      collecting.describe({ type: 'P', name: '' });
      collecting.execute({
        portal: '',
        rows: step.mustFinish === true ? 0 : (step.rowsMax ?? 0),
      });
    }
    collecting.sync();
    if (connection.stream.writable) connection.stream.write(Buffer.concat(messages));
    return null;
  }

  #statementName(step: ExchangeStep, connection: WireConnection): string {
    const isKept = step.isConstant === true || step.isRepeated === true;
    const use = isKept
      ? this.#prepared.use(step.sql, step.isConstant === true)
      : { name: '', isNew: true, drop: [] };
    for (const name of use.drop) connection.close({ type: 'S', name });
    if (use.isNew) connection.parse({ text: step.sql, name: use.name, types: [] });
    return use.name;
  }

  handleRowDescription(message: { readonly fields: readonly FieldDescription[] }): void {
    this.#fields = message.fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
  }

  handleDataRow(message: DataRow): void {
    const { rowsMax = Infinity, bytesMax = Infinity } = this.#steps[this.step] ?? {};
    if (this.#rows.length < rowsMax && this.#bytes < bytesMax) {
      this.#rows.push(message.fields);
      this.#bytes += message.length;
    } else {
      this.#isCutOff = true;
    }
  }

  handleCommandComplete(message: { readonly text: string }): void {
    const words = message.text.split(' ');
    const count = Number(words.at(-1));
    const hasCount = words.length > 1 && Number.isInteger(count);
    const command = (hasCount ? words.slice(0, words[0] === 'INSERT' ? 1 : -1) : words).join(' ');
    this.#finish(command, hasCount ? count : 0);
  }

  handlePortalSuspended(): void {
    this.#isCutOff = true;
    this.#finish('SELECT', this.#rows.length);
  }

  handleEmptyQuery(): void {
    this.#finish('', 0);
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }

  handleError(error: unknown): void {
    // What followed the failed step was skipped; its own plan may be the trouble.
    for (const { sql } of this.#steps.slice(this.step)) this.#prepared.forget(sql);
    this.#reject(new ExchangeFailed(this.#results, this.#wasSent, error));
  }

  handleCopyInResponse(connection: { sendCopyFail(why: string): void }): void {
    connection.sendCopyFail('COPY is not possible here');
  }

  handleCopyData(): void {
    // The statement analysis refuses COPY; what comes all the same is not kept.
  }

  #finish(command: string, rowCount: number): void {
    const [fields, rows, isCutOff] = [this.#fields, this.#rows, this.#isCutOff];
    [this.#fields, this.#rows, this.#isCutOff] = [[], [], false];
    this.#results.push({ command, rowCount, fields, rows, isCutOff });
    if (this.#steps[this.step]?.isOwnReply === true) this.#bytes = 0;
  }
}
