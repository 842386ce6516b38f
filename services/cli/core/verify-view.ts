/** How the result of `meridian verify` looks on a terminal. */
import { formatDuration } from './duration.ts';
import { groupDigits } from './progress-bar.ts';
import { plainPaint, renderTable, type Paint } from './table.ts';
import type { Difference } from './verify-plan.ts';

export interface TableVerdict {
  readonly table: string;
  readonly rows: number;
  readonly ranges: number;
  readonly differences: readonly (Difference & { readonly region: string })[];
  /** Keys that were written in every round: neither equal nor different is proven. */
  readonly undecided: number;
}

/** Where a run ended before everything was compared. */
export interface VerifyEnd {
  readonly why: string;
  /** `schema.name` of the table, and the key up to which it is compared; null: none of it. */
  readonly table: string;
  readonly above: readonly string[] | null;
}

export interface VerifyReport {
  readonly isEqual: boolean;
  readonly primary: string;
  readonly regions: readonly string[];
  /** Every region had applied at least this before the first row was read. */
  readonly position: string;
  readonly tables: readonly TableVerdict[];
  readonly rows: number;
  readonly elapsedMs: number;
  /** Null when everything was compared. */
  readonly ended: VerifyEnd | null;
}

const kinds: Readonly<Record<Difference['kind'], string>> = {
  missing: 'is missing',
  extra: 'is there, and not on the primary',
  differs: 'is another row',
};

/** One line per table, then each key that differs, then the verdict. */
export function renderVerify(report: VerifyReport, paint: Paint = plainPaint): string {
  const columns = [
    { title: 'TABLE' },
    { title: 'ROWS', align: 'right' as const },
    { title: 'RANGES', align: 'right' as const },
    { title: 'RESULT' },
  ];
  const rows = report.tables.map((table) => [
    table.table,
    groupDigits(table.rows),
    groupDigits(table.ranges),
    resultOf(table, paint),
  ]);
  const differences = report.tables.flatMap(({ table, differences: found }) =>
    found.map(({ region, key, kind }) => `${region}: ${table} ${key} ${kinds[kind]}`),
  );
  const facts =
    `${groupDigits(report.rows)} rows of ${groupDigits(report.tables.length)} tables in ` +
    `${formatDuration(report.elapsedMs)}, all regions at or past ${report.position}`;
  const list = differences.length === 0 ? [] : [`${differences.join('\n')}\n`];
  const rest = report.ended === null ? [] : [`${restOf(report.ended)}\n`];
  const verdict = `${verdictOf(report, paint)}: ${facts}\n`;
  return [renderTable(columns, rows, paint), ...list, verdict, ...rest].join('\n');
}

function verdictOf({ regions, tables, ended }: VerifyReport, paint: Paint): string {
  const names = regions.join(', ');
  if (tables.some(({ differences }) => differences.length > 0))
    return paint('red', `${names} differ`);
  if (ended === null) return paint('green', `${names} are equal`);
  return paint('yellow', `${names} are equal so far`);
}

/** Why the run ended, and the words that go on with the rest. */
function restOf({ why, table, above }: VerifyEnd): string {
  const key = above === null ? '' : ` --above ${shellWord(JSON.stringify(above))}`;
  return `${why} Go on with: npx meridian verify --from ${shellWord(table)}${key}`;
}

function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function resultOf({ differences, undecided }: TableVerdict, paint: Paint): string {
  if (differences.length > 0) return paint('red', `${differences.length} keys differ`);
  if (undecided === 0) return paint('green', 'equal');
  return `equal, ${groupDigits(undecided)} keys were written all the while`;
}
