/** What must hold before a region is taken into the policy or out of it. It changes nothing. */
import { knowsRules } from '../../../../shared/core/control/control-policy.ts';
import type { OperatorRequest } from '../controller-input.ts';
import type { ControllerState } from '../controller-state.ts';
import { refused, refusedUnopened, type Preflight } from './refusal.ts';

type RegionRequest = Extract<OperatorRequest, { kind: 'region' }>;

/** The record to append, or why not and what to do first. */
export function checkRegionChange(state: ControllerState, request: RegionRequest): Preflight {
  const { policy, prepare, epoch } = state.fold;
  const { action, region, operation } = request;
  if (policy === null || epoch === 0) {
    return refusedUnopened();
  }
  if (prepare !== null) {
    return refused('OperationRunning', 'a change of primary is under way', {
      hint: 'ask again when it is done',
      operationId: prepare.operation?.id ?? null,
    });
  }
  const isKnown = policy.regions.includes(region);
  if (isKnown === (action === 'add')) {
    const why = isKnown ? 'is a region of this cluster already' : 'is not a region of this cluster';
    const hint = `regions: ${policy.regions.join(', ')}`;
    return refused('RequestInvalid', `${region} ${why}`, { hint });
  }
  const refusal = action === 'remove' ? whyStays(state, region) : whyNotYet(state, region);
  if (refusal !== null) return refusal;
  const version = policy.version + 1;
  const record = { kind: 'region', version, action, region, operation } as const;
  return { kind: 'ready', record, operationId: operation.id };
}

function whyNotYet({ fold }: ControllerState, region: RegionRequest['region']): Preflight | null {
  const rules = fold.policy?.rules ?? 1;
  if (knowsRules(fold, region, rules)) return null;
  return refused('RequestInvalid', `${region} has not said that it knows rules ${rules}`, {
    hint: `start it first: npx meridian region up ${region}`,
  });
}

function whyStays({ fold }: ControllerState, region: RegionRequest['region']): Preflight | null {
  const { policy, members, primary, kLow } = fold;
  if (region === primary) {
    return refused('RequestInvalid', `${region} is the primary`, {
      hint: 'move the primary away first: npx meridian switchover <region>',
    });
  }
  if (members.some((member) => member.region === region)) {
    return refused('RequestInvalid', `${region} is a member`, {
      hint: 'stop it; it is removed from the members after policy.memberTimeoutMs',
    });
  }
  const others = (policy?.regions.length ?? 0) - 2;
  if (others < (policy?.k ?? 0) || members.length < kLow) {
    return refused('RequestInvalid', 'too few other regions hold what was confirmed', {
      hint: `policy.k is ${String(policy?.k ?? 0)}: so many members beside the primary must stay`,
    });
  }
  return null;
}
