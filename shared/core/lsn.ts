/** Log sequence number: a byte position in one node's WAL, comparable within one epoch only. */

declare const lsnBrand: unique symbol;
export type Lsn = bigint & { readonly [lsnBrand]: true };

export const zeroLsn = 0n as Lsn;

/** The LSN written as `X/X` (PostgreSQL type pg_lsn), or null when `text` is none. */
export function parseLsn(text: string): Lsn | null {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** `X/X` in upper-case hexadecimal, as PostgreSQL prints it. */
export function formatLsn(lsn: Lsn): string {
  const high = (lsn >> 32n).toString(16).toUpperCase();
  return `${high}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}
