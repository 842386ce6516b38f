/**
 * What the region that a switchover prefers sends right behind its own seal, so that it need not
 * wait for the promotion to be read: the first member of the new epoch, and a renewal. Both are
 * void unless the promotion comes before them in the log (decision 0053).
 */
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState } from '../controller-state.ts';
import { takenOver } from '../opening/ready-ahead.ts';
import { sealRecord } from '../seal-plan.ts';

/**
 * Invariant: the member added is the old primary, by its final seal that was read here. That seal
 * is counted in every promotion to this epoch that is not forced, and nobody's lies beyond it: its
 * store holds everything up to the cut, as a region does that has applied epoch-start.
 */
export function planAhead(state: ControllerState): readonly EffectBody[] {
  const { config, seal, lease } = state;
  const prepare = takenOver(state);
  if (prepare === null || seal === null) return [];
  const { epoch, oldPrimary, seals } = prepare;
  const { region, incarnation } = config;
  const last = seals.find((one) => one.region === oldPrimary && one.final);
  if (last === undefined) return [];
  // The own seal goes out before them.
  if (sealRecord(state, prepare, seal) === null) return [];
  const { store } = last;
  const add = { kind: 'member', epoch, version: 0, action: 'add', region: last.region } as const;
  const member: EffectBody = { kind: 'appendControl', record: { ...add, store } };
  if (lease.sent.length > 0) return [member];
  const renewal = { kind: 'renew', epoch, region, incarnation, seq: lease.nextSeq } as const;
  return [member, { kind: 'appendControl', record: renewal }];
}
