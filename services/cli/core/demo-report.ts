/** The demo's result: what was measured, which promises it checks, and how it is shown. */
import { formatDuration } from './duration.ts';
import { groupDigits } from './progress-bar.ts';
import { plainPaint, renderTable, type Paint } from './table.ts';

export interface TableSum {
  readonly region: string;
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
}

export interface DemoReport {
  readonly dataSet: { readonly rows: number; readonly loadMs: number; readonly source: string };
  readonly tables: readonly TableSum[];
  readonly run: {
    readonly seconds: number;
    readonly ratePerRegion: number;
    readonly requests: number;
    readonly requestsPerSecond: number;
    readonly kinds: readonly {
      readonly kind: string;
      readonly requests: number;
      readonly p50Ms: number | null;
      readonly p99Ms: number | null;
    }[];
  };
  readonly lag: { readonly p50Ms: number | null; readonly p99Ms: number | null };
  readonly switchover: {
    /** Why the primary did not change; null when it did. */
    readonly problem: string | null;
    readonly from: string;
    readonly to: string;
    readonly durationMs: number;
    readonly writePauseMs: number | null;
    readonly slowestWriteMs: number | null;
  };
  readonly failed: { readonly count: number; readonly byCode: Readonly<Record<string, number>> };
  readonly unknownOutcomes: number;
  readonly missedOwnWrites: number;
  /** Writes that were confirmed to a client and are in no table. */
  readonly lostWrites: number;
  /** What `meridian verify` found; null when it could not look. */
  readonly verified: {
    readonly rows: number;
    readonly tables: number;
    readonly differences: number;
  } | null;
}

export interface CheckedPromise {
  readonly name: string;
  readonly value: string;
  readonly isKept: boolean;
}

/** The promises of the product that the run checked. */
export function promisesOf(report: DemoReport): readonly CheckedPromise[] {
  const { switchover } = report;
  const count = (name: string, value: number): CheckedPromise => ({
    name,
    value: groupDigits(value),
    isKept: value === 0,
  });
  return [
    {
      name: 'regions equal',
      value: areEqual(report.tables) ? 'yes' : 'NO',
      isKept: areEqual(report.tables),
    },
    verifiedOf(report.verified),
    count('failed requests', report.failed.count),
    count('unknown outcomes', report.unknownOutcomes),
    count('reads that missed their own write', report.missedOwnWrites),
    count('confirmed writes lost', report.lostWrites),
    {
      name: 'primary switched over',
      value: switchover.problem ?? `${switchover.from} → ${switchover.to}`,
      isKept: switchover.problem === null,
    },
  ];
}

function verifiedOf(verified: DemoReport['verified']): CheckedPromise {
  const name = 'every row verified';
  if (verified === null) return { name, value: 'NO: it could not look', isKept: false };
  const { rows, tables, differences } = verified;
  const found = differences === 0 ? 'equal' : `${groupDigits(differences)} keys differ`;
  const value = `${groupDigits(rows)} rows, ${groupDigits(tables)} tables: ${found}`;
  return { name, value, isKept: differences === 0 };
}

/** Whether every table has the same rows and checksum in every region. */
export function areEqual(tables: readonly TableSum[]): boolean {
  const first = new Map<string, TableSum>();
  return (
    tables.length > 0 &&
    tables.every((sum) => {
      const other = first.get(sum.table) ?? sum;
      first.set(sum.table, other);
      return other.rows === sum.rows && other.checksum === sum.checksum;
    })
  );
}

const kindNames: Readonly<Record<string, string>> = {
  write: 'write',
  session: 'session read in another region',
  strong: 'strong read',
  eventual: 'eventual read',
  pulse: 'async write (measures lag)',
};

/** The report for a terminal. */
export function renderDemo(report: DemoReport, paint: Paint = plainPaint): string {
  const { run, lag, switchover, failed } = report;
  const facts: [string, string][] = [
    ['requests', `${groupDigits(run.requests)} (${groupDigits(run.requestsPerSecond)}/s)`],
    ['replica lag p50 / p99', pair(lag.p50Ms, lag.p99Ms)],
  ];
  if (switchover.problem === null) {
    facts.push(
      ['switchover, from order to end', formatDuration(switchover.durationMs)],
      ['write pause', formatDuration(switchover.writePauseMs)],
      ['slowest write', formatDuration(switchover.slowestWriteMs)],
    );
  }
  const codes = Object.entries(failed.byCode).map(([code, times]) => `${code} ${String(times)}`);
  const promises = promisesOf(report).map(({ name, value, isKept }) => [
    isKept ? paint('green', 'kept  ') : paint('red', 'BROKEN'),
    name,
    value,
  ]);
  return [
    renderTable(
      [
        { title: 'REGION' },
        { title: 'TABLE' },
        { title: 'ROWS', align: 'right' },
        { title: 'CHECKSUM' },
      ],
      report.tables.map((sum) => [sum.region, sum.table, groupDigits(sum.rows), sum.checksum]),
      paint,
    ),
    renderTable(
      [
        { title: 'REQUESTS' },
        { title: 'COUNT', align: 'right' },
        { title: 'P50', align: 'right' },
        { title: 'P99', align: 'right' },
      ],
      run.kinds.map(({ kind, requests, p50Ms, p99Ms }) => [
        kindNames[kind] ?? kind,
        groupDigits(requests),
        formatDuration(p50Ms),
        formatDuration(p99Ms),
      ]),
      paint,
    ),
    renderTable([{ title: 'MEASURED' }, { title: '', align: 'right' }], facts, paint),
    renderTable([{ title: 'PROMISE' }, { title: '' }, { title: '' }], promises, paint),
    ...(codes.length === 0 ? [] : [`failed: ${codes.join(', ')}\n`]),
    `Data: ${report.dataSet.source}\n`,
  ].join('\n');
}

function pair(a: number | null, b: number | null): string {
  return `${formatDuration(a)} / ${formatDuration(b)}`;
}
