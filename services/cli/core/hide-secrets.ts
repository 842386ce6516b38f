/** A copy of a value that may be shown: the names stay, what is secret goes. */

const openKeys = new Set(['version', 'region', 'signWith']);

/** Every text and number of `value` becomes `(hidden)`, except those of keys known to be open. */
export function hideSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (typeof value !== 'object' || value === null) return '(hidden)';
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      openKeys.has(key) && typeof inner !== 'object' ? (inner as unknown) : hideSecrets(inner),
    ]),
  );
}
