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
  readonly rowsPerFetch: number;
  readonly clock: Clock;
}

export interface OpenedStream {
  readonly look: StatementResult | undefined;
  /** The first rows. */
  readonly first: StatementResult;
  /** Null when there are no more; the connection is free then. */
  readonly rest: RowStream | null;
}

/** Opens a cursor for the request's one statement; throws what the exchange throws. */
export async function openStream(options: StreamOptions): Promise<OpenedStream> {
  const { lent, request, rowsPerFetch } = options;
  const [own] = callerSteps(request.statements, { rowsMax: 0, mustFinish: true });
  if (own === undefined) throw new MeridianError('RequestInvalid', 'There is no statement.');
  const begin = beginStep({ isolation: 'repeatable read', isReadOnly: true });
  const declare = {
    sql: `DECLARE meridian_rows NO SCROLL CURSOR FOR ${own.sql}`,
    values: own.values,
  };
  const fetch = { sql: `FETCH ${rowsPerFetch} FROM meridian_rows`, values: [], isConstant: true };
  const { results } = await runExchange(lent.client, [begin, options.opening, declare, fetch]);
  const [, look, , fetched] = results;
  if (fetched === undefined) throw new MeridianError('ProtocolViolation', 'No rows were fetched.');
  const first = { ...fetched, command: 'SELECT' };
  if (first.rows.length >= rowsPerFetch)
    return { look, first, rest: new CursorRows(options, fetch) };
  await runExchange(lent.client, [commitStep]);
  lent.giveBack('keep');
  return { look, first, rest: null };
}

class CursorRows implements RowStream {
  readonly #options: StreamOptions;
  readonly #fetch: ExchangeStep;
  #isOpen = true;

  constructor(options: StreamOptions, fetch: ExchangeStep) {
    this.#options = options;
    this.#fetch = fetch;
  }

  async next(): Promise<StatementResult['rows'] | null> {
    if (!this.#isOpen) return null;
    const { lent, request, rowsPerFetch, clock } = this.#options;
    const leftMs = Math.max(1, request.deadlineMs - clock.monotonicMs());
    try {
      const work = runExchange(lent.client, [this.#fetch]);
      const [fetched] = (await withDeadline(work, leftMs, late)).results;
      const rows = fetched?.rows ?? [];
      if (rows.length < rowsPerFetch) {
        await runExchange(lent.client, [commitStep]);
        this.#isOpen = false;
        lent.giveBack('keep');
      }
      return rows.length === 0 ? null : rows;
    } catch (error) {
      this.close();
      throw error instanceof MeridianError ? error : errorOfFailure(judgeFailure(error, null));
    }
  }

  /** What is not fetched yet is given up. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.lent.giveBack('drop');
  }
}

function late(): MeridianError {
  return new MeridianError('DeadlineExceeded', 'The deadline passed before all rows were taken.');
}
