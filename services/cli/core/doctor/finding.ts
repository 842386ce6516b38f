/** What `meridian doctor` says: one line per check, each with the fix where something is wrong. */

export type Level = 'ok' | 'skipped' | 'warning' | 'failed';

export interface Finding {
  readonly level: Level;
  /** What was looked at: `ports`, `kafka`, `postgres eu-west/pg-1`. */
  readonly check: string;
  readonly found: string;
  /** What to do; null where nothing is. */
  readonly fix: string | null;
}

export function ok(check: string, found: string): Finding {
  return { level: 'ok', check, found, fix: null };
}

export function skipped(check: string, found: string): Finding {
  return { level: 'skipped', check, found, fix: null };
}

export function warning(check: string, found: string, fix: string): Finding {
  return { level: 'warning', check, found, fix };
}

export function failed(check: string, found: string, fix: string): Finding {
  return { level: 'failed', check, found, fix };
}

/** One line each, then how many of which. */
export function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const lines = findings.map(({ level, check, found, fix }) => {
    const what = `${level.padEnd(7)}  ${check.padEnd(width)}  ${found}`;
    return fix === null ? what : `${what}. Fix: ${fix}`;
  });
  const count = (level: Level): number => findings.filter((one) => one.level === level).length;
  const parts = (['ok', 'skipped', 'warning', 'failed'] as const)
    .filter((level) => count(level) > 0)
    .map((level) => `${String(count(level))} ${level}`);
  return [...lines, '', parts.join(', ')].join('\n');
}

export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ level }) => level === 'failed');
}
