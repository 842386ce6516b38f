/**
 * Assertions: a broken invariant ends the process, so that the lease lapses and others take over.
 */

/**
 * Thrown when an invariant of the system does not hold. Nobody catches it but the process entry.
 */
export class InvariantBroken extends Error {
  override name = 'InvariantBroken';
}

/** Throws InvariantBroken with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantBroken(message);
}

/** Ends a switch over a union: compiles only when every variant was handled. */
export function assertNever(value: never): never {
  throw new InvariantBroken(`unexpected variant: ${JSON.stringify(value)}`);
}
