/**
 * The state machine of a region's controller: one input at a time, effects out. It decides; the
 * shell reads, writes and waits (HOUSE_STYLE section 2). Each step takes in what was heard, changes
 * the role by the table, asks every plan what is to be done next, and publishes the view.
 */
import { foldControl } from '../../../shared/core/control/control-fold.ts';
import { absorb } from './turn/hearing.ts';
import type { Effect, EffectBody } from './controller-effect.ts';
import type { Input } from './controller-input.ts';
import type { ControllerState } from './controller-state.ts';
import { planAll } from './turn/planning.ts';
import { issue } from './turn/issue.ts';
import { explainSteps, trackSteps } from './turn/steps.ts';
import { trackLease } from './lease-keeper.ts';
import { trackOpening, trackStrongReads } from './promotion-plan.ts';
import { trackConfirming } from './members/confirming.ts';
import { isSameView, viewOf } from './published-view.ts';
import { changeRole, initialRole } from './region-role.ts';
import { trackAnnouncedSeal } from './relay/announcement.ts';
import { trackOldNode } from './rejoin/old-node.ts';
import { explainOverrun, trackOverrun } from './rejoin/overrun.ts';
import { trackTail } from './rejoin/rejoin-plan.ts';
import { trackSeal } from './seal-plan.ts';

export interface Stepped {
  readonly state: ControllerState;
  readonly effects: readonly Effect[];
}

/** The pure functions that a step rests on; tests of the tests replace one. */
export interface ControllerRules {
  readonly foldControl: typeof foldControl;
}

/** Takes one input. Never throws but for a broken invariant. */
export const step = stepWith({ foldControl });

/** `step` over other rules: for tests that plant a fault and must see it caught. */
export function stepWith(
  rules: ControllerRules,
): (state: ControllerState, input: Input) => Stepped {
  return (state, input) => {
    const heard = absorb(state, input, rules.foldControl);
    const tracked = track(heard.state);
    const { state: placed, taken } = changeRole(withInitialRole(tracked));
    const explanations = taken.map((one): EffectBody => ({
      kind: 'explain',
      level: one.to === 'fenced' || one.to === 'quarantined' ? 'warn' : 'info',
      message: 'role changed',
      facts: { fromRole: one.from, toRole: one.to, why: one.why, detail: one.detail },
    }));
    const settled = trackSteps(state, track(placed));
    const planned = planAll(settled);
    const told = [...explanations, ...explainOverrun(state, settled)];
    const bodies = [...heard.effects, ...told, ...planned.effects];
    const issued = issue(planned.state, bodies);
    const steps = issue(issued.state, explainSteps(state, issued.state));
    return publish({ state: steps.state, effects: [...issued.effects, ...steps.effects] });
  };
}

function track(state: ControllerState): ControllerState {
  const sealing = [trackAnnouncedSeal, trackSeal, trackTail];
  const steps = [...sealing, trackOpening, trackStrongReads, trackLease, trackConfirming];
  return [...steps, trackOverrun, trackOldNode].reduce((current, next) => next(current), state);
}

/** The role at the start follows from what the node holds, once that is known. */
function withInitialRole(state: ControllerState): ControllerState {
  if (state.isRoleKnown || state.kind !== 'running') return state;
  const isEmpty = state.nodesHeardAtMs !== null && state.nodes.every((one) => one.data === 'none');
  if (state.database === null && !isEmpty) return state;
  const why = 'what its node held at the start';
  return { ...state, isRoleKnown: true, role: initialRole(state), why };
}

function publish(stepped: Stepped): Stepped {
  const { state } = stepped;
  const view = viewOf(state);
  if (state.view !== null && isSameView(state.view, view)) return stepped;
  const next: ControllerState = { ...state, view, nextEffectId: state.nextEffectId + 1 };
  const published: Effect = { kind: 'publishView', view, id: state.nextEffectId };
  // The view goes first: the others stop or start by it while the slower effects run.
  return { state: next, effects: [published, ...stepped.effects] };
}
