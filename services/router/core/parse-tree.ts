/** Walking the JSON form of a parse tree, whose depth the sender of the SQL decides. */

export interface Found {
  readonly key: string;
  readonly value: unknown;
}

/** Whether `value` is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Field `key` of a JSON object; undefined for anything else. */
export function field(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

/** `value` when it is text, else ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Every field below `root` whose key passes `isWanted`, at any depth, without recursion. */
export function findAll(root: unknown, isWanted: (key: string) => boolean): Found[] {
  const found: Found[] = [];
  const open: unknown[] = [root];
  for (let at = open.pop(); open.length > 0 || at !== undefined; at = open.pop()) {
    if (Array.isArray(at)) {
      for (const item of at) if (item !== undefined) open.push(item);
    } else if (isRecord(at)) {
      for (const [key, value] of Object.entries(at)) {
        if (isWanted(key)) found.push({ key, value });
        if (typeof value === 'object' && value !== null) open.push(value);
      }
    }
  }
  return found;
}
