/**
 * Which registered instances a group goes on with. A registry that has lost its memory names
 * nobody: whom it does not name any more is kept until the lease that was last seen is over, while
 * the registry can be asked. Who leaves in order stays named, as one that is not to be used.
 */
export interface Registered<Target> {
  readonly id: string;
  /** What is left of the lease. */
  readonly leaseMs: number;
  /** Null: not to be used. */
  readonly target: Target | null;
}

/** `elapsedMs` of the leases in `known` have gone by. */
export function keepRegistered<Target>(
  known: readonly Registered<Target>[],
  named: readonly Registered<Target>[],
  elapsedMs: number,
): readonly Registered<Target>[] {
  const ids = new Set(named.map(({ id }) => id));
  const kept = known
    .filter(({ id }) => !ids.has(id))
    .map((one) => ({ ...one, leaseMs: one.leaseMs - elapsedMs }));
  return [...named, ...kept.filter(({ leaseMs }) => leaseMs > 0)];
}
