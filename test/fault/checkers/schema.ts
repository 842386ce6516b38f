/** Tables that were made, numbers of a sequence, a table that is emptied and refilled. */
import { formatOperation } from './format.ts';
import { answered, type Operation } from '../run/history.ts';

/** What one region holds at the end. */
export interface SchemaFacts {
  readonly numbers: ReadonlySet<number>;
  /** Rows of each table that was made. */
  readonly tables: ReadonlyMap<string, number>;
  /** Of the table that is refilled: the rows of each batch. */
  readonly batches: ReadonlyMap<number, number>;
}

export interface SchemaSizes {
  readonly rowsOfTable: number;
  readonly rowsOfBatch: number;
}

/** One line for each number that was given twice. */
export function findReusedNumbers(history: readonly Operation[]): string[] {
  const numbers = answered(history, 'number').map(({ output }) => output as number);
  const seen = new Set<number>();
  return numbers.flatMap((number) => {
    if (seen.has(number)) return [`the sequence gave ${number} twice`];
    seen.add(number);
    return [];
  });
}

/** Confirmed tables are whole, confirmed numbers are there, the last batch is the only one. */
export function findSchemaViolations(
  history: readonly Operation[],
  { numbers, tables, batches }: SchemaFacts,
  sizes: SchemaSizes,
): string[] {
  const made = new Set(answered(history, 'make').map(({ key }) => key));
  const failed = history.filter(({ name, outcome }) => name === 'make' && outcome === 'failed');
  return [
    ...[...made].flatMap((name) => (tables.has(name) ? [] : [`lacks table ${name}`])),
    ...[...tables].flatMap(([name, count]) =>
      count === sizes.rowsOfTable ? [] : [`${name} has ${count} rows`],
    ),
    ...failed.flatMap(({ key }) => (tables.has(key) ? [`failed, yet there: ${key}`] : [])),
    ...answered(history, 'number').flatMap(({ output }) =>
      numbers.has(output as number) ? [] : [`lost number ${String(output)}`],
    ),
    ...findBatchViolations(history, batches, sizes.rowsOfBatch),
  ];
}

/**
 * `refill` truncates and inserts its batch in one transaction: nobody sees two batches, or a part
 * of one; none at all is seen by a statement that began before (PostgreSQL's manual, 13.6). At the
 * end there is one that is no older than the last confirmed one.
 */
function findBatchViolations(
  history: readonly Operation[],
  batches: ReadonlyMap<number, number>,
  rowsOfBatch: number,
): string[] {
  const isWhole = (found: ReadonlyMap<number, number>): boolean =>
    found.size === 1 && [...found.values()][0] === rowsOfBatch;
  const torn = answered(history, 'batch')
    .filter(({ output }) => {
      const found = new Map(output as readonly (readonly [number, number])[]);
      return found.size > 0 && !isWhole(found);
    })
    .map((read) => `a refilled table in pieces: ${formatOperation(read)}`);
  const refills = history.filter(({ name }) => name === 'refill');
  const last = Math.max(0, ...answered(refills, 'refill').map(({ input }) => input as number));
  const tried = refills.some(({ outcome }) => outcome !== 'failed');
  if (!tried) return torn;
  const [batch] = batches.keys();
  if (batch === undefined && last === 0) return torn;
  const refill = refills.find(({ input }) => input === batch);
  const isGood =
    isWhole(batches) && (batch ?? 0) >= last && refill !== undefined && refill.outcome !== 'failed';
  if (isGood) return torn;
  const found = [...batches].map(([n, count]) => `${count} rows of batch ${n}`).join(', ');
  return [...torn, `batch ${last} was the last one, there is: ${found || 'nothing'}`];
}
