/** Health of one PostgreSQL node as the router sees it: out after failures, in after successes. */

export interface HealthRules {
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  readonly slowStartMs: number;
}

export interface NodeHealth {
  readonly kind: 'unknown' | 'healthy' | 'unhealthy';
  /** Consecutive checks that went the other way. */
  readonly contrary: number;
  /** Monotonic time since which it is healthy; slow start counts from here. */
  readonly sinceMs: number;
  readonly why: string;
}

export type HealthInput =
  | { readonly kind: 'answered'; readonly nowMs: number }
  | { readonly kind: 'failed'; readonly nowMs: number; readonly why: string }
  /** Certain knowledge (refused connection of a known role, 25006): no counting. */
  | { readonly kind: 'ruledOut'; readonly nowMs: number; readonly why: string };

export const initialNodeHealth: NodeHealth = {
  kind: 'unknown',
  contrary: 0,
  sinceMs: 0,
  why: 'not checked yet',
};

/** The health after `input`. A new node is admitted by its first answer, without slow start. */
export function stepNodeHealth(
  health: NodeHealth,
  input: HealthInput,
  rules: HealthRules,
): NodeHealth {
  if (input.kind === 'ruledOut') {
    return { kind: 'unhealthy', contrary: 0, sinceMs: input.nowMs, why: input.why };
  }
  if (health.kind === 'unknown') {
    if (input.kind === 'failed') return { ...health, why: input.why };
    const sinceMs = input.nowMs - rules.slowStartMs;
    return { kind: 'healthy', contrary: 0, sinceMs, why: 'answers' };
  }
  const isContrary = (input.kind === 'failed') === (health.kind === 'healthy');
  if (!isContrary) return health.contrary === 0 ? health : { ...health, contrary: 0 };
  const contrary = health.contrary + 1;
  const limit = health.kind === 'healthy' ? rules.unhealthyAfter : rules.healthyAfter;
  if (contrary < limit) return { ...health, contrary };
  return input.kind === 'failed'
    ? { kind: 'unhealthy', contrary: 0, sinceMs: input.nowMs, why: input.why }
    : { kind: 'healthy', contrary: 0, sinceMs: input.nowMs, why: 'answers again' };
}

/** Share (0.1 to 1) of its weight that a node takes while it starts slowly. */
export function slowStartShare(health: NodeHealth, nowMs: number, rules: HealthRules): number {
  if (rules.slowStartMs <= 0) return 1;
  return Math.min(1, Math.max(0.1, (nowMs - health.sinceMs) / rules.slowStartMs));
}
