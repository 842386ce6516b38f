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

export interface VerifyReport {
  readonly isEqual: boolean;
  readonly primary: string;
  readonly regions: readonly string[];
  /** Every region had applied at least this before the first row was read. */
  readonly position: string;
  readonly tables: readonly TableVerdict[];
  readonly rows: number;
  readonly elapsedMs: number;
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
  const verdict = report.isEqual
    ? paint('green', `${report.regions.join(', ')} are equal`)
    : paint('red', `${report.regions.join(', ')} differ`);
  const list = differences.length === 0 ? [] : [`${differences.join('\n')}\n`];
  return [renderTable(columns, rows, paint), ...list, `${verdict}: ${facts}\n`].join('\n');
}

function resultOf({ differences, undecided }: TableVerdict, paint: Paint): string {
  if (differences.length > 0) return paint('red', `${differences.length} keys differ`);
  if (undecided === 0) return paint('green', 'equal');
  return `equal, ${groupDigits(undecided)} keys were written all the while`;
}
