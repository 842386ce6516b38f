/**
 * Decides who serves a request: this region's primary node, another region's router, one of this
 * region's nodes, or nobody yet. Which node of the region it is, replica-choice decides.
 */
import type { ClusterView, Role } from '../../../shared/core/cluster-view.ts';
import { cutBelow, type ConsistencyLevel } from '../../../shared/core/consistency.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';

export interface AccessRequest {
  /** False only when PostgreSQL's parser and catalog say that it reads. */
  readonly mayWrite: boolean;
  readonly level: ConsistencyLevel;
  readonly token: Position | null;
  readonly readAfterWrite: 'caught-up' | 'primary';
  /** Came from another region's router: it is never sent on. */
  readonly isForwarded: boolean;
  /** No node of this region could serve it: the primary region is asked. */
  readonly isBeyondReplicas: boolean;
}

export type AccessDecision =
  /** On this region's own node, which is the primary's. */
  | { readonly kind: 'primary'; readonly why: string }
  | { readonly kind: 'replica'; readonly why: string }
  | { readonly kind: 'forward'; readonly to: RegionId; readonly why: string }
  /** Wait for the next view, up to a bound. */
  | { readonly kind: 'hold'; readonly why: string }
  /** `left`: what of the token's history is in everybody's. */
  | { readonly kind: 'lost'; readonly why: string; readonly left: Position };

/** Roles in which the region's nodes show a prefix of the one history and may serve reads. */
const readingRoles: readonly Role[] = ['replica', 'promoting', 'primary', 'draining'];

/** `leaseLeftMs`: remaining lease of this region's own primary role; 0 for none. */
export function decideAccess(
  request: AccessRequest,
  view: ClusterView,
  leaseLeftMs: number,
): AccessDecision {
  const { token } = request;
  const left = token && cutBelow(token, view.epoch, view.history);
  if (token !== null && left !== null) {
    const why = `position ${formatPosition(token)} is beyond the cut of a later epoch`;
    return { kind: 'lost', why, left };
  }
  const reason = whyPrimary(request);
  if (reason !== null) return towardsPrimary(request, view, { leaseLeftMs, reason });
  if (!readingRoles.includes(view.role)) {
    const why = `this region is ${view.role}`;
    return towardsPrimary(request, view, { leaseLeftMs, reason: why });
  }
  return { kind: 'replica', why: `a ${request.level} read in a region that is ${view.role}` };
}

function whyPrimary(request: AccessRequest): string | null {
  if (request.mayWrite) return 'it may write';
  if (request.level === 'strong') return 'a strong read';
  if (request.isBeyondReplicas) return 'no node of this region can serve it';
  if (request.level === 'session' && request.token !== null) {
    if (request.readAfterWrite === 'primary') return 'readAfterWrite is primary';
  }
  return null;
}

function towardsPrimary(
  request: AccessRequest,
  view: ClusterView,
  facts: { readonly leaseLeftMs: number; readonly reason: string },
): AccessDecision {
  const hold = (why: string): AccessDecision => ({ kind: 'hold', why: `${facts.reason}; ${why}` });
  if (!view.isReady) return hold('the controller has not caught up yet');
  if (view.prepare !== null) return hold(`epoch ${view.prepare.epoch} is being prepared`);
  if (view.primary === null) return hold('no region is primary yet');
  if (view.primary !== view.region) {
    if (request.isForwarded) return hold(`${view.primary} is primary, not this region`);
    return { kind: 'forward', to: view.primary, why: facts.reason };
  }
  if (view.role !== 'primary' || !view.isOpen) return hold(`this region is ${view.role}`);
  if (facts.leaseLeftMs <= 0) return hold('the lease has run out');
  if (request.level === 'strong' && !request.mayWrite && view.strongReadsFrom !== null) {
    const upTo = formatPosition(view.strongReadsFrom);
    return hold(`members have not confirmed everything up to ${upTo} yet`);
  }
  return { kind: 'primary', why: facts.reason };
}
