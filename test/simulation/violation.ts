/** Thrown when an invariant of DESIGN.md section 3 does not hold; ends the run of that seed. */
export class Violation extends Error {
  override name = 'Violation';
}

/** Throws Violation with `message` unless `condition` holds. */
export function hold(condition: boolean, message: () => string): void {
  if (!condition) throw new Violation(message());
}
