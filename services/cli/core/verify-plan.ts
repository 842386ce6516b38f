/**
 * What `meridian verify` asks and how it judges: sums over ranges of a table's key, rows of a range
 * where the sums differ, and which keys of those truly differ while both sides go on changing.
 */

export interface VerifiedTable {
  readonly schema: string;
  readonly name: string;
  /** Columns of the primary key in its order; empty: rows are told apart by their content. */
  readonly key: readonly { readonly name: string; readonly type: string }[];
}

/** Above `low` and at or below `high`, as texts of the key's values; null: no bound. */
export interface KeyRange {
  readonly low: readonly string[] | null;
  readonly high: readonly string[] | null;
}

export interface Question {
  readonly text: string;
  readonly values: readonly string[];
}

/** A row of one side: a hash of its content, and what changes with every write to it. */
export interface RowFacts {
  readonly hash: string;
  readonly version: string;
}

export type RowsByKey = ReadonlyMap<string, RowFacts>;

export interface Difference {
  /** JSON of the key's values, or a hash of the row where there is no key. */
  readonly key: string;
  /** Seen from the other region: it lacks the row, has one too many, or has another. */
  readonly kind: 'missing' | 'extra' | 'differs';
}

/** Rows without a key are compared in so many parts. */
export const bucketCount = 64;

/** The table's name, qualified and quoted. */
export function nameOf({ schema, name }: Pick<VerifiedTable, 'schema' | 'name'>): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** The key of the last row of the next range above `low`; no row: the rest is one range. */
export function boundOf(
  table: VerifiedTable,
  low: KeyRange['low'],
  rowsPerRange: number,
): Question {
  const { condition, values } = conditionOf(table, { low, high: null });
  const keys = table.key.map(({ name }) => quoted(name));
  const text =
    `SELECT ${keys.map((key, n) => `${key}::text AS k${n}`).join(', ')} ` +
    `FROM ONLY ${nameOf(table)} WHERE ${condition} ORDER BY ${keys.join(', ')} ` +
    `LIMIT 1 OFFSET ${rowsPerRange - 1}`;
  return { text, values };
}

/** Number of rows of a range, and a sum that does not depend on their order. */
export function sumOf(table: VerifiedTable, range: KeyRange): Question {
  const { condition, values } = conditionOf(table, range);
  const text =
    `SELECT count(*) AS rows, coalesce(sum(${rowHash}::numeric), 0) AS sum ` +
    `FROM ONLY ${nameOf(table)} AS t WHERE ${condition}`;
  return { text, values };
}

/** Each row of a range: `key`, `hash`, `version`; a bucket takes the range's place without key. */
export function rowsOf(table: VerifiedTable, range: KeyRange, bucket: number): Question {
  if (table.key.length === 0) {
    const text =
      `SELECT ${rowHash}::text AS key, count(*)::text AS hash, ` +
      `md5(string_agg(t.ctid::text || t.xmin::text, ',' ORDER BY t.ctid)) AS version ` +
      `FROM ONLY ${nameOf(table)} AS t ` +
      `WHERE ${rowHash} & ${bucketCount - 1} = ${bucket} GROUP BY 1`;
    return { text, values: [] };
  }
  const { condition, values } = conditionOf(table, range);
  const keys = table.key.map(({ name }) => `t.${quoted(name)}::text`);
  const text =
    `SELECT to_jsonb(ARRAY[${keys.join(', ')}])::text AS key, ${rowHash}::text AS hash, ` +
    `t.ctid::text || ' ' || t.xmin::text AS version ` +
    `FROM ONLY ${nameOf(table)} AS t WHERE ${condition}`;
  return { text, values };
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Keys that were written meanwhile: nothing is proven of them in this round. */
  readonly undecided: number;
}

/**
 * Compares another region's rows with the primary's before and after they were read. A key that the
 * primary did not touch in between differs; one that it touched may just be on its way.
 */
export function compareRows(before: RowsByKey, other: RowsByKey, after: RowsByKey): Comparison {
  const differences: Difference[] = [];
  let undecided = 0;
  for (const key of new Set([...before.keys(), ...other.keys(), ...after.keys()])) {
    const [first, theirs, last] = [before.get(key), other.get(key), after.get(key)];
    if (theirs?.hash === first?.hash || theirs?.hash === last?.hash) continue;
    if (first?.version !== last?.version) undecided += 1;
    else if (theirs === undefined) differences.push({ key, kind: 'missing' });
    else differences.push({ key, kind: first === undefined ? 'extra' : 'differs' });
  }
  return { differences, undecided };
}

const rowHash = 'hashtextextended((t.*)::text, 0)';

function conditionOf(
  table: VerifiedTable,
  { low, high }: KeyRange,
): { readonly condition: string; readonly values: readonly string[] } {
  const values = [...(low ?? []), ...(high ?? [])];
  const keys = table.key.map(({ name }) => quoted(name)).join(', ');
  const bound = (from: number): string =>
    table.key.map(({ type }, n) => `$${from + n + 1}::text::${type}`).join(', ');
  const parts: string[] = [];
  if (low !== null) parts.push(`(${keys}) > (${bound(0)})`);
  if (high !== null) parts.push(`(${keys}) <= (${bound(low?.length ?? 0)})`);
  return { condition: parts.length === 0 ? 'true' : parts.join(' AND '), values };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
