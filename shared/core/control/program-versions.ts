/** What versions of Meridian say of each other: `<major>.<minor>.<patch>`, `+<build>` behind it. */

/**
 * Whether two versions may run side by side: minor versions that follow each other, and a new
 * major one with what came before it. Versions of another form are not judged.
 */
export function isNeighbour(a: string, b: string): boolean {
  const [one, other] = [majorMinor(a), majorMinor(b)];
  if (one === null || other === null) return true;
  if (one.major === other.major) return Math.abs(one.minor - other.minor) <= 1;
  const newer = one.major > other.major ? one : other;
  return Math.abs(one.major - other.major) === 1 && newer.minor === 0;
}

/** Whether both are the same program, as far as they say: one may not know its build. */
export function isSameProgram(a: string, b: string): boolean {
  const [[version, build], [other, otherBuild]] = [a.split('+'), b.split('+')];
  if (version !== other) return false;
  return build === undefined || otherBuild === undefined || build === otherBuild;
}

function majorMinor(version: string): { readonly major: number; readonly minor: number } | null {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\./.exec(version) ?? [];
  if (major === undefined || minor === undefined) return null;
  return { major: Number(major), minor: Number(minor) };
}
