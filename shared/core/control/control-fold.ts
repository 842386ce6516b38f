/**
 * Folds the control log: one pure function, the same in every region (DESIGN.md section 5). It
 * reads nothing but records. Each is conditional on the state at its offset; one whose condition
 * fails is void and changes nothing.
 */
import { assertNever } from '../assert.ts';
import { applied, ignored, type Folded } from './fold-outcome.ts';
import { judgePrepare } from './control-promotion.ts';
import { foldPolicy, foldRegion } from './control-policy.ts';
import { foldNote, foldRevoke, foldTraffic, withOperation } from './control-labels.ts';
import type {
  ControlRecord,
  DegradeRecord,
  HelloRecord,
  MemberRecord,
  Policy,
  PrepareRecord,
  RenewRecord,
  SealRecord,
} from './control-record.ts';
import type { ControlState, OpenPrepare } from './control-state.ts';
import { nextEpoch, noEpoch } from '../epoch.ts';
import { comparePositions } from '../position.ts';

/** The newest rules of the fold that this program knows; a hello tells them. */
export const maxRules = 1;

export type { Folded } from './fold-outcome.ts';

/** Applies one record. A record whose condition fails is void and changes nothing. */
export function foldControl(state: ControlState, record: ControlRecord): Folded {
  const folded = foldKind(state, record);
  if (folded.outcome.kind === 'void') return folded;
  return { ...folded, state: withOperation(folded.state, record) };
}

function foldKind(state: ControlState, record: ControlRecord): Folded {
  switch (record.kind) {
    case 'policy':
      return foldPolicy(state, record);
    case 'region':
      return foldRegion(state, record);
    case 'hello':
      return foldHello(state, record);
    case 'renew':
      return foldRenew(state, record);
    case 'prepare':
      return foldPrepare(state, record);
    case 'seal':
      return foldSeal(state, record);
    case 'member':
      return foldMember(state, record);
    case 'degrade':
      return foldDegrade(state, record);
    case 'pause': {
      const { durationMs, operation } = record;
      return applied({ ...state, pause: { durationMs, operation } });
    }
    case 'traffic':
      return foldTraffic(state, record);
    case 'revoke':
      return foldRevoke(state, record);
    case 'audit':
      return applied(state);
    case 'note':
      return foldNote(state, record);
    default:
      return assertNever(record);
  }
}

function foldHello(state: ControlState, record: HelloRecord): Folded {
  const { region, incarnation, maxRules: rules } = record;
  const others = state.hellos.filter((hello) => hello.region !== region);
  const hellos = [...others, { region, incarnation, maxRules: rules }];
  return applied({ ...state, hellos });
}

function foldRenew(state: ControlState, record: RenewRecord): Folded {
  if (state.prepare !== null) return ignored(state, 'a prepare ended the lease');
  if (record.epoch !== state.epoch) return ignored(state, 'of another epoch');
  if (record.region !== state.primary) return ignored(state, 'not of the primary');
  return applied(state);
}

function foldPrepare(state: ControlState, record: PrepareRecord): Folded {
  const { policy, prepare } = state;
  if (policy === null) return ignored(state, 'there is no policy yet');
  if (record.epoch !== nextEpoch(state.epoch)) return ignored(state, 'not the next epoch');
  if (record.attempt !== (prepare?.attempt ?? 0) + 1) {
    return ignored(state, 'decided on an older attempt');
  }
  if (record.preferred !== null && !policy.regions.includes(record.preferred)) {
    return ignored(state, `${record.preferred} is not a region of the policy`);
  }
  const opensFirst = state.epoch === noEpoch && prepare === null;
  if (opensFirst && (record.preferred !== policy.priority[0] || record.change !== 'failover')) {
    return ignored(state, 'epoch 1 opens in the first region in priority');
  }
  if (record.force !== null) {
    if (prepare === null) return ignored(state, 'a first attempt cannot be forced');
    if (record.preferred === null) return ignored(state, 'a forced attempt needs a region');
    if (!isAsShown(prepare, record.force.seals)) {
      return ignored(state, 'the seals are not those that the person was shown');
    }
  }
  const { epoch, attempt, change, preferred, force, operation } = record;
  const opened: OpenPrepare = {
    epoch,
    attempt,
    change,
    preferred,
    force,
    operation,
    members: prepare?.members ?? state.members,
    oldPrimary: prepare === null ? state.primary : prepare.oldPrimary,
    seals: prepare?.seals ?? [],
  };
  return promoteIfMet({ ...state, prepare: opened }, opened, policy);
}

function isAsShown(
  prepare: OpenPrepare,
  shown: readonly Pick<SealRecord, 'region' | 'position'>[],
): boolean {
  return (
    shown.length === prepare.seals.length &&
    prepare.seals.every((seal) =>
      shown.some(
        ({ region, position }) =>
          region === seal.region && comparePositions(position, seal.position) === 0,
      ),
    )
  );
}

function foldSeal(state: ControlState, record: SealRecord): Folded {
  const { policy, prepare } = state;
  if (policy === null || prepare === null) return ignored(state, 'no prepare is open');
  if (record.epoch !== prepare.epoch) return ignored(state, 'of another epoch');
  if (!policy.regions.includes(record.region)) return ignored(state, 'not a region of the policy');
  if (prepare.seals.some((seal) => seal.region === record.region)) {
    return ignored(state, 'the region has sealed before');
  }
  const sealed = { ...prepare, seals: [...prepare.seals, record] };
  return promoteIfMet({ ...state, prepare: sealed }, sealed, policy);
}

function promoteIfMet(state: ControlState, prepare: OpenPrepare, policy: Policy): Folded {
  const verdict = judgePrepare(state, prepare, policy);
  if (verdict.kind === 'waiting') return applied(state);
  const { promotion } = verdict;
  const promoted: ControlState = {
    ...state,
    epoch: promotion.epoch,
    primary: promotion.to,
    members: [],
    version: 0,
    k: policy.k,
    kLow: Math.max(1, policy.k),
    prepare: null,
    history: [...state.history, promotion],
  };
  return { state: promoted, outcome: { kind: 'promoted', promotion } };
}

function foldMember(state: ControlState, record: MemberRecord): Folded {
  const flaw = changeFlaw(state, record);
  if (flaw !== null) return ignored(state, flaw);
  const { region, store, action } = record;
  const isMember = state.members.some((member) => member.region === region);
  const version = state.version + 1;
  if (action === 'remove') {
    if (!isMember) return ignored(state, `${region} is no member`);
    if (state.members.length <= state.kLow) return ignored(state, 'the others would be too few');
    const members = state.members.filter((member) => member.region !== region);
    return applied({ ...state, members, version });
  }
  // A new store of a member lacks what the old one confirmed: it is removed first, by its rule.
  if (isMember) return ignored(state, `${region} is a member already`);
  if (state.primary === null) return ignored(state, 'there is no primary yet');
  if (region === state.primary) return ignored(state, 'the primary is no member');
  if (state.policy?.regions.includes(region) !== true) return ignored(state, 'not in the policy');
  return applied({ ...state, members: [...state.members, { region, store }], version });
}

function foldDegrade(state: ControlState, record: DegradeRecord): Folded {
  const flaw = changeFlaw(state, record);
  if (flaw !== null) return ignored(state, flaw);
  const { k } = record;
  if (k < 0 || k > (state.policy?.k ?? 0)) return ignored(state, 'K is outside the policy');
  const kLow = Math.max(1, Math.min(state.kLow, k));
  return applied({ ...state, k, kLow, version: state.version + 1 });
}

/** Why a change of the members or of K is void, in words; null when it is not. */
function changeFlaw(state: ControlState, record: MemberRecord | DegradeRecord): string | null {
  if (state.prepare !== null) return 'the members are frozen by a prepare';
  if (record.epoch !== state.epoch) return 'of another epoch';
  if (record.version !== state.version) return 'decided on an older set of members';
  return null;
}
