/** A read whose rows are fetched in parts, as fast as they are taken: a cursor in one snapshot. */
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type {
  DataRequest,
  RowStream,
  StatementResult,
} from '../../../../shared/ports/data-access.ts';
import { withDeadline } from '../../../../shared/runtime/sleep.ts';
import type { Lent } from '../node-pools.ts';
import { runExchange, type ExchangeStep } from './exchange.ts';
import { beginStep, callerSteps, commitStep } from './session-steps.ts';
import { errorOfFailure, judgeFailure } from './sql-failure.ts';

export interface StreamOptions {
  readonly lent: Lent;
  readonly request: DataRequest;
  /** The look with the caller's settings. */
  readonly opening: ExchangeStep;
  readonly clock: Clock;
}

export interface OpenedStream {
  readonly look: StatementResult | undefined;
  /** The first rows. */
  readonly first: StatementResult;
  /** Null when there are no more; the connection is free then. */
  readonly rest: RowStream | null;
}

/** Of the first part; later ones hold about `partBytes`, whatever the width of a row. */
const firstRows = 100;
const partRowsMax = 2000;
const partBytes = 500_000;
const allRows = { rowsMax: 0, bytesMax: Infinity };

/** Opens a cursor for the request's one statement; throws what the exchange throws. */
export async function openStream(options: StreamOptions): Promise<OpenedStream> {
  const { lent, request } = options;
  const [own] = callerSteps(request.statements, { ...allRows, mustFinish: true });
  if (own === undefined) throw new MeridianError('RequestInvalid', 'There is no statement.');
  const begin = beginStep({ isolation: 'repeatable read', isReadOnly: true });
  const declare = {
    sql: `DECLARE meridian_rows NO SCROLL CURSOR FOR ${own.sql}`,
    values: own.values,
  };
  const steps = [begin, options.opening, declare, fetchStep(firstRows)];
  const { results } = await runExchange(lent.client, steps);
  const [, look, , fetched] = results;
  if (fetched === undefined) throw new MeridianError('ProtocolViolation', 'No rows were fetched.');
  const first = { ...fetched, command: 'SELECT' };
  if (first.rows.length >= firstRows) {
    return { look, first, rest: new CursorRows(options, first.rows) };
  }
  await runExchange(lent.client, [commitStep]);
  lent.giveBack('keep');
  return { look, first, rest: null };
}

function fetchStep(rows: number): ExchangeStep {
  return { sql: `FETCH ${rows} FROM meridian_rows`, values: [] };
}

/** How many rows like these make a part. */
function rowsOfPart(rows: StatementResult['rows']): number {
  let bytes = 0;
  for (const row of rows) for (const value of row) bytes += 8 + (value?.length ?? 0);
  const each = Math.max(1, bytes / Math.max(1, rows.length));
  return Math.min(partRowsMax, Math.max(1, Math.floor(partBytes / each)));
}

class CursorRows implements RowStream {
  readonly #options: StreamOptions;
  readonly #timer: NodeJS.Timeout;
  #rowsAsked: number;
  #isOpen = true;
  #isLate = false;

  constructor(options: StreamOptions, first: StatementResult['rows']) {
    this.#options = options;
    this.#rowsAsked = rowsOfPart(first);
    // Also while nobody takes rows: an open cursor holds a connection and a snapshot.
    this.#timer = setTimeout(() => this.#expire(), this.#leftMs()).unref();
  }

  async next(): Promise<StatementResult['rows'] | null> {
    if (this.#isLate) throw late();
    if (!this.#isOpen) return null;
    const { lent } = this.#options;
    const asked = this.#rowsAsked;
    try {
      const work = runExchange(lent.client, [fetchStep(asked)]);
      const [fetched] = (await withDeadline(work, this.#leftMs(), late)).results;
      const rows = fetched?.rows ?? [];
      this.#rowsAsked = rowsOfPart(rows);
      if (rows.length < asked) {
        await runExchange(lent.client, [commitStep]);
        this.#end('keep');
      }
      return rows.length === 0 ? null : rows;
    } catch (error) {
      this.close();
      if (this.#isLate) throw late();
      throw error instanceof MeridianError ? error : errorOfFailure(judgeFailure(error, null));
    }
  }

  /** What is not fetched yet is given up. */
  close(): void {
    this.#end('drop');
  }

  #expire(): void {
    this.#isLate = true;
    this.close();
  }

  #end(state: 'keep' | 'drop'): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#options.lent.giveBack(state);
  }

  #leftMs(): number {
    const { request, clock } = this.#options;
    return Math.max(1, request.deadlineMs - clock.monotonicMs());
  }
}

function late(): MeridianError {
  return new MeridianError('DeadlineExceeded', 'The deadline passed before all rows were taken.');
}
