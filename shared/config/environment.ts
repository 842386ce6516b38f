/** MERIDIAN_* variables over the values of the cluster file; names derive from the key path. */

/** Variables that name files and parts; they are no keys of the cluster file. */
const reserved = new Set(
  'CONFIG SECRETS DATA CACHE HOSTS_FILE FAILPOINTS TEST TOKEN ENDPOINT REGION SERVICES'
    .split(' ')
    .map((name) => `MERIDIAN_${name}`),
);

/**
 * Sets for `MERIDIAN_POLICY_LEASE_TTL_MS=5000` the key `policy.leaseTtlMs`. A section or key is
 * found by its name in upper snake case; lists are not addressed. Values are JSON where they read
 * as JSON, else text.
 */
export function applyEnvironment(
  raw: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const result = structuredClone(raw) as Record<string, unknown>;
  for (const [name, text] of Object.entries(environment)) {
    const match = /^MERIDIAN_([A-Z0-9]+)_([A-Z0-9_]+)$/.exec(name);
    if (match?.[1] === undefined || match[2] === undefined || text === undefined) continue;
    if (reserved.has(name) || !sections.has(match[1])) continue;
    const section = match[1].toLowerCase();
    const before = result[section];
    const values = typeof before === 'object' && before !== null ? before : {};
    result[section] = { ...values, [camelCase(match[2])]: valueOf(text) };
  }
  return result;
}

const sections = new Set([
  'POLICY',
  'DURABILITY',
  'SECURITY',
  'LOG',
  'KAFKA',
  'GATEWAY',
  'ROUTER',
  'REPLICATOR',
  'FAILOVER',
]);

function camelCase(snake: string): string {
  return snake
    .toLowerCase()
    .replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
