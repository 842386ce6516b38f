/** Facts as people read them: one per line, lists of facts as tables, times as durations. */
import { formatDuration } from './duration.ts';
import { plainPaint, renderTable, type Paint } from './table.ts';

type Facts = Readonly<Record<string, unknown>>;

/** One line per fact, then a table for each list; what is unknown (null) is left out. */
export function renderFacts(facts: Facts, paint: Paint = plainPaint): string {
  const lines: string[] = [];
  const tables: string[] = [];
  for (const [key, value] of Object.entries(flattened(facts))) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) {
      if (value.length > 0) tables.push(`\n${renderList(key, value, paint)}`);
    } else {
      lines.push(`  ${wordsOf(key).padEnd(18)} ${textOf(key, value)}\n`);
    }
  }
  return [...lines, ...tables].join('');
}

function renderList(key: string, list: readonly unknown[], paint: Paint): string {
  const rows = list.map((item) => (isFacts(item) ? flattened(item) : { [key]: item }));
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return renderTable(
    keys.map((name) => ({ title: wordsOf(name).toUpperCase() })),
    rows.map((row) => keys.map((name) => textOf(name, row[name]))),
    paint,
  );
}

/** Inner facts come up one level, under the names of both: `place country`. */
function flattened(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]): [string, unknown][] =>
      isFacts(value)
        ? Object.entries(flattened(value)).map(([inner, one]) => [`${key} ${inner}`, one])
        : [[key, value]],
    ),
  );
}

function isFacts(value: unknown): value is Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `write pause` of `writePauseMs`. */
function wordsOf(key: string): string {
  return key
    .replace(/Ms$/, '')
    .replaceAll(/([A-Z])/g, ' $1')
    .toLowerCase();
}

function textOf(key: string, value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (key.endsWith('Ms') && typeof value === 'number') return formatDuration(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(String).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
