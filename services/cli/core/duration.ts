/** Durations as people read and write them. */

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `41ms`, `6.2s`, `3m12s`, `3h12m` or `2d4h`; a dash for null. */
export function formatDuration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '-';
  if (ms < 1000) return `${String(Math.round(ms))}ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : String(Math.round(seconds))}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(whole, 60, 'ms');
  if (whole < 86_400) return pair(Math.round(whole / 60), 60, 'hm');
  return pair(Math.round(whole / 3600), 24, 'dh');
}

/** Milliseconds of `30m`, `1h30m`, `1500ms` or `90` (seconds); null when it reads otherwise. */
export function parseDuration(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (units[unit ?? ''] ?? 0);
  }
  return Math.round(totalMs);
}

/** `letters` are the letters of the larger and the smaller unit. */
function pair(amount: number, base: number, letters: 'ms' | 'hm' | 'dh'): string {
  const rest = amount % base;
  const first = `${String(Math.floor(amount / base))}${letters.charAt(0)}`;
  return rest === 0 ? first : `${first}${String(rest)}${letters.charAt(1)}`;
}
