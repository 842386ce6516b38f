/** Rows whose writers did not wait for another region: what is lost is reported, row by row. */
import { groupBy, type Operation } from '../run/history.ts';

/** A row of a divergence report. */
export interface ReportedRow {
  readonly id: string;
  readonly confirmed: string;
}

export interface LossFacts {
  /** Ids that a region holds. */
  readonly found: readonly string[];
  readonly reported: readonly ReportedRow[];
}

/** What may be said of a row whose writer waited for no other region. */
const saidOfLost: ReadonlySet<string> = new Set(['yes', 'unknown', 'async-only']);

/**
 * A confirmed row is there or reported, a failed one neither; what is reported is not there, and
 * is not called one that nobody was told of. Returns one line per violation.
 */
export function findLossViolations(
  history: readonly Operation[],
  { found, reported }: LossFacts,
): string[] {
  const held = new Set(found);
  const lost = new Map(reported.map((row) => [row.id, row]));
  const known = new Map(history.map((insert) => [insert.key, insert]));
  const ofInserts = [...known].flatMap(([id, { outcome }]) => {
    const row = lost.get(id);
    const isDenied = row !== undefined && !saidOfLost.has(row.confirmed);
    if (isDenied) return [`reported as ${row.confirmed}: ${id}`];
    if (outcome === 'ok') return held.has(id) || row ? [] : [`lost, and not reported: ${id}`];
    if (outcome === 'unknown') return [];
    return held.has(id) || row ? [`failed, yet it happened: ${id}`] : [];
  });
  const ofRows = [
    ...[...groupBy(found, String)].map(([id, same]) => ({
      id,
      count: same.length,
      where: 'there',
    })),
    ...[...groupBy(reported, ({ id }) => id)].map(([id, same]) => ({
      ...{ id, count: same.length, where: 'reported' },
    })),
  ].flatMap(({ id, count, where }) => {
    if (!known.has(id)) return [`nobody wrote what is ${where}: ${id}`];
    return count === 1 ? [] : [`${where} ${count} times: ${id}`];
  });
  const both = [...lost.keys()].filter((id) => held.has(id));
  return [...ofInserts, ...ofRows, ...both.map((id) => `reported as lost, yet there: ${id}`)];
}
