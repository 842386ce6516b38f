/** Place of a record in one topic of the log. */

declare const offsetBrand: unique symbol;
export type LogOffset = bigint & { readonly [offsetBrand]: true };

export const firstOffset = 0n as LogOffset;

/** `text` (decimal digits) as a LogOffset, or null. */
export function parseLogOffset(text: string): LogOffset | null {
  return /^[0-9]{1,19}$/.test(text) ? (BigInt(text) as LogOffset) : null;
}
