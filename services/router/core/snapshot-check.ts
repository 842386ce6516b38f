/**
 * Whether a snapshot of the primary shows every commit up to a position: none of the transactions
 * that may still wait for their release is running in it (DESIGN.md section 6).
 */

export interface Snapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: readonly bigint[];
}

/** The text form of pg_snapshot, `xmin:xmax:xip,…`, or null when `text` is none. */
export function parseSnapshot(text: string): Snapshot | null {
  const match = /^([0-9]+):([0-9]+):((?:[0-9]+(?:,[0-9]+)*)?)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  const running = match[3] === undefined || match[3] === '' ? [] : match[3].split(',').map(BigInt);
  return { xmin: BigInt(match[1]), xmax: BigInt(match[2]), running };
}

/** Whether all of `xids` (32 bits, as logical decoding names them) have ended in `snapshot`. */
export function showsAll(snapshot: Snapshot, xids: readonly number[]): boolean {
  return xids.every((xid) => shows(snapshot, xid));
}

/** Whether none of `xids` had ended in `snapshot`. */
export function showsNone(snapshot: Snapshot, xids: readonly number[]): boolean {
  return !xids.some((xid) => shows(snapshot, xid));
}

function shows(snapshot: Snapshot, xid: number): boolean {
  const full = widen(BigInt(xid), snapshot.xmax);
  return full < snapshot.xmax && !snapshot.running.includes(full);
}

/** The 64-bit id nearest to `near` whose low 32 bits are `xid`. */
function widen(xid: bigint, near: bigint): bigint {
  const base = (near >> 32n) << 32n;
  const half = 1n << 31n;
  const full = base + xid;
  if (full > near + half && full >= 1n << 32n) return full - (1n << 32n);
  return full + half < near ? full + (1n << 32n) : full;
}
