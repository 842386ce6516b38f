/**
 * Proves regions equal while they run: sums per range of every table's key; where a sum differs the
 * rows are read again behind a mark that the other region has applied, until each key is decided.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../core/cli-error.ts';
import {
  boundOf,
  bucketCount,
  compareRows,
  nameOf,
  rowsOf,
  sumOf,
  type Difference,
  type KeyRange,
  type VerifiedTable,
} from '../core/verify-plan.ts';
import type { TableVerdict, VerifyEnd, VerifyReport } from '../core/verify-view.ts';
import type { VerifyRegion } from './verify-region.ts';

export interface VerifyOptions {
  readonly primary: VerifyRegion;
  readonly others: readonly VerifyRegion[];
  readonly rowsPerRange: number;
  /** Share of the time that the nodes are busy with it, in percent. */
  readonly loadPercent: number;
  /** Only these tables; all when empty. */
  readonly tables: readonly string[];
  /** Begins with this table, in the order of names: goes on where an earlier run ended. */
  readonly from: string | null;
  /** Of that table only rows above this key. */
  readonly above: readonly string[] | null;
  /** Ends the run after the range under way; the report says how to go on. */
  readonly signal: AbortSignal;
  readonly differencesMax: number;
  readonly onProgress: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly table: string;
  readonly rows: number;
  readonly rowsEstimate: number;
  readonly elapsedMs: number;
}

const roundsMax = 8;
const markTimeoutMs = 60_000;

/** Compares everything; throws CliError when a region cannot be read or does not follow. */
export async function verifyRegions(options: VerifyOptions): Promise<VerifyReport> {
  const startedMs = performance.now();
  const { primary, others } = options;
  const marks = new Marks(primary);
  await marks.pass(others);
  const position = await (others[0] ?? primary).position();
  const all = await primary.tables();
  const chosen = all.filter((table) => isChosen(options, `${table.schema}.${table.name}`));
  const rowsEstimate = chosen.reduce((sum, { estimate }) => sum + estimate, 0);
  const verdicts: TableVerdict[] = [];
  let rows = 0;
  let ended: VerifyEnd | null = null;
  for (const table of chosen) {
    if (ended !== null) break;
    const before = rows;
    const onRows = (done: number): void => {
      rows = before + done;
      const elapsedMs = performance.now() - startedMs;
      options.onProgress({ table: nameOf(table), rows, rowsEstimate, elapsedMs });
    };
    const part = await verifyTable({ ...options, marks }, table, onRows);
    verdicts.push(part.verdict);
    ended = part.ended;
  }
  return {
    isEqual: ended === null && verdicts.every(({ differences }) => differences.length === 0),
    ended,
    primary: primary.id,
    regions: [primary.id, ...others.map(({ id }) => id)],
    ...{ position, tables: verdicts, rows, elapsedMs: performance.now() - startedMs },
  };
}

function isChosen({ tables, from }: VerifyOptions, name: string): boolean {
  return (tables.length === 0 || tables.includes(name)) && (from === null || name >= from);
}

async function verifyTable(
  options: VerifyOptions & { readonly marks: Marks },
  table: VerifiedTable,
  onRows: (rows: number) => void,
): Promise<{ readonly verdict: TableVerdict; readonly ended: VerifyEnd | null }> {
  const differences: (Difference & { region: string })[] = [];
  const name = `${table.schema}.${table.name}`;
  let [rows, ranges, undecided] = [0, 0, 0];
  let low: KeyRange['low'] = name === options.from ? options.above : null;
  let why: string | null = null;
  for (;;) {
    const startedMs = performance.now();
    const range = await verifyRange(options, table, low).catch(unlessBroken);
    why = range instanceof CliError ? `${range.message}.`.replace('..', '.') : null;
    if (range instanceof CliError) break;
    differences.push(...range.differences);
    undecided += range.undecided;
    rows += range.rows;
    ranges += 1;
    onRows(rows);
    if (range.high === null || differences.length >= options.differencesMax) break;
    low = range.high;
    await rest(options, performance.now() - startedMs);
    if (!options.signal.aborted) continue;
    why = 'It was ended.';
    break;
  }
  const verdict = { table: nameOf(table), rows, ranges, differences, undecided };
  return { verdict, ended: why === null ? null : { why, table: name, above: low } };
}

/** The next range above `low` in every region. */
async function verifyRange(
  options: VerifyOptions & { readonly marks: Marks },
  table: VerifiedTable,
  low: KeyRange['low'],
): Promise<{
  readonly rows: number;
  readonly high: KeyRange['high'];
  readonly differences: readonly (Difference & { readonly region: string })[];
  readonly undecided: number;
}> {
  const { primary, others, rowsPerRange, differencesMax, marks } = options;
  const high =
    table.key.length === 0 ? null : await primary.bound(boundOf(table, low, rowsPerRange));
  const range: KeyRange = { low, high };
  const question = sumOf(table, range);
  const own = await primary.sum(question);
  const differences: (Difference & { region: string })[] = [];
  let undecided = 0;
  for (const other of others) {
    // A table that is missing or drifted there counts as read row by row.
    const theirs = await other.sum(question).catch(() => null);
    if (theirs !== null && theirs.rows === own.rows && theirs.sum === own.sum) continue;
    const found = await compareRange({ primary, other, table, range, marks }).catch(unreadable);
    undecided += found.undecided;
    for (const one of found.differences.slice(0, differencesMax)) {
      differences.push({ ...one, region: other.id });
    }
  }
  return { rows: own.rows, high, differences, undecided };
}

/** A region that cannot be read ends the run; what else is thrown is a defect. */
function unlessBroken(error: unknown): CliError {
  if (error instanceof CliError) return error;
  throw error;
}

/** A table that is missing or of another shape in the other region is a difference, too. */
function unreadable(error: unknown): Awaited<ReturnType<typeof compareRange>> {
  if (!(error instanceof CliError)) throw error;
  return { differences: [{ key: error.message, kind: 'differs' }], undecided: 0 };
}

/** Leaves the nodes alone for as long as keeps the load at `loadPercent`. */
async function rest({ loadPercent, signal }: VerifyOptions, busyMs: number): Promise<void> {
  const restMs = busyMs * (100 / loadPercent - 1);
  if (restMs >= 1) await sleep(restMs, undefined, { signal }).catch(() => undefined);
}

interface Range {
  readonly primary: VerifyRegion;
  readonly other: VerifyRegion;
  readonly table: VerifiedTable;
  readonly range: KeyRange;
  readonly marks: Marks;
}

async function compareRange(
  of: Range,
): Promise<{ readonly differences: readonly Difference[]; readonly undecided: number }> {
  const buckets =
    of.table.key.length === 0 ? Array.from({ length: bucketCount }, (_, n) => n) : [0];
  const differences: Difference[] = [];
  let undecided = 0;
  for (const bucket of buckets) {
    const found = await compareBucket(of, bucket);
    differences.push(...found.differences);
    undecided += found.undecided;
  }
  return { differences, undecided };
}

/** Rounds until every key is equal once or different twice in a row. */
async function compareBucket(
  { primary, other, table, range, marks }: Range,
  bucket: number,
): Promise<{ readonly differences: readonly Difference[]; readonly undecided: number }> {
  const question = rowsOf(table, range, bucket);
  let suspects: ReadonlySet<string> = new Set();
  for (let round = 1; ; round += 1) {
    const before = await primary.rows(question);
    await marks.pass([other]);
    const theirs = await other.rows(question);
    const after = await primary.rows(question);
    const found = compareRows(before, theirs, after);
    const confirmed = found.differences.filter(({ key }) => suspects.has(key));
    const isDecided = found.undecided === 0 && confirmed.length === found.differences.length;
    if (isDecided || round === roundsMax) {
      return { differences: confirmed, undecided: found.undecided };
    }
    suspects = new Set(found.differences.map(({ key }) => key));
  }
}

/** Marks that one run of verify writes and waits for, one after the other. */
class Marks {
  readonly #primary: VerifyRegion;
  readonly #run = randomUUID();
  #last = 0;

  constructor(primary: VerifyRegion) {
    this.#primary = primary;
  }

  /** Returns once each of `regions` has applied everything the primary has committed by now. */
  async pass(regions: readonly VerifyRegion[]): Promise<void> {
    this.#last += 1;
    const mark = this.#last;
    await this.#primary.mark(this.#run, mark);
    const deadlineMs = performance.now() + markTimeoutMs;
    for (const region of regions) {
      while (!(await region.hasMark(this.#run, mark))) {
        if (performance.now() > deadlineMs) {
          throw new CliError(`${region.id} has not applied what the primary wrote a minute ago.`, {
            hint: 'See npx meridian status.',
          });
        }
        await sleep(20);
      }
    }
  }
}
