/** PostgreSQL's time in messages: microseconds since 2000-01-01 00:00:00 UTC (manual, 54.4). */

const startMs = 946_684_800_000;

/** Milliseconds since 1970. */
export function unixMsOf(postgresUs: bigint): number {
  return Number(postgresUs / 1000n) + startMs;
}

/** From milliseconds since 1970. */
export function postgresUsOf(unixMs: number): bigint {
  return BigInt(Math.round(unixMs * 1000)) - BigInt(startMs) * 1000n;
}
