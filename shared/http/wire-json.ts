/** JSON between processes of one region: bigints survive as `{"$bigint": "<digits>"}`. */

/** `value` as JSON text. */
export function toWireJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? { $bigint: item.toString() } : item,
  );
}

/** The value of a text made by `toWireJson`; the caller knows its type. */
export function fromWireJson(text: string): unknown {
  return JSON.parse(text, (_, item: unknown) => {
    if (typeof item !== 'object' || item === null || !('$bigint' in item)) return item;
    return BigInt(String(item.$bigint));
  }) as unknown;
}
