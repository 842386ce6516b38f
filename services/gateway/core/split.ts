/** Weighted and canary splits: which upstream group takes a client's requests. */

export interface SplitPart {
  readonly group: string;
  /** 0 to 1. */
  readonly share: number;
}

/** The group for `at`, uniform in [0, 1): the parts first, the rest goes to `main`. */
export function groupAt(main: string, parts: readonly SplitPart[], at: number): string {
  let rest = at;
  for (const { group, share } of parts) {
    if (rest < share) return group;
    rest -= share;
  }
  return main;
}

/** A number in [0, 1) that is always the same for `key`, so that a client stays on its side. */
export function placeOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
