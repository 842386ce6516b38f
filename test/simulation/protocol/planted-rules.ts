/** The real functions of the core wrapped so that one rule is missing. */
import { foldControl, type Folded } from '../../../shared/core/control/control-fold.ts';
import type { ControlRecord, PrepareRecord } from '../../../shared/core/control/control-record.ts';
import type { ControlState, Member } from '../../../shared/core/control/control-state.ts';
import type { EpochCut } from '../../../shared/core/consistency.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import {
  comparePositions,
  isAtOrPast,
  zeroPosition,
  type Position,
} from '../../../shared/core/position.ts';
import { lowest } from '../../../shared/core/quorum.ts';
import type { PlantName } from '../plants.ts';
import { realRules, type Rules } from './rules.ts';

type Fold = (state: ControlState, record: ControlRecord) => Folded;

/** The rules with `plant` left out. */
export function rulesWithout(plant: PlantName | null): Rules {
  const rules: Rules = { ...realRules, leftOut: plant };
  switch (plant) {
    case 'nocas':
      return { ...rules, foldControl: foldAnyMemberChange };
    case 'keepold':
      return { ...rules, foldControl: foldKeepingMembers };
    case 'lineage':
      return { ...rules, foldControl: foldWithoutCuts };
    case 'lowk':
      return { ...rules, foldControl: foldWithPolicyK };
    case 'wiped':
      return { ...rules, foldControl: foldAnyStore };
    case 'lateattempt':
      return {
        ...rules,
        foldControl: foldLateAttempts,
        isLossAccepted: ({ isForced, operation }) => isForced && operation?.id !== notAsShown,
      };
    case 'follow':
      return {
        ...rules,
        isWithinCuts: (position, upto, history) =>
          position.epoch >= upto || isBelowNewestCut(position, upto, history),
      };
    case 'token':
      return {
        ...rules,
        judgeToken: (token, node, history) =>
          node.epoch <= token.epoch
            ? realRules.judgeToken(token, node, history)
            : isBelowNewestCut(token, node.epoch, history)
              ? 'satisfied'
              : 'lost',
      };
    case 'fewmembers':
      return {
        ...rules,
        releasedPositions: (acknowledged, k) =>
          k === 0 || acknowledged.length >= k
            ? realRules.releasedPositions(acknowledged, k)
            : releaseWithFew(acknowledged),
      };
    case 'oldlease':
      return { ...rules, expiredFromMs: (readAtMs) => readAtMs };
    default:
      return rules;
  }
}

const beyondEverything: Position = { epoch: (2 ** 31 - 1) as Epoch, endLsn: 0n as Lsn };
const notAsShown = 'not as shown';

function isBelowNewestCut(position: Position, upto: number, history: readonly EpochCut[]): boolean {
  const newest = history.find(({ epoch }) => epoch === upto);
  return newest === undefined || upto <= 1 || comparePositions(position, newest.cut) <= 0;
}

function releaseWithFew(acknowledged: readonly Position[]): { write: Position; apply: Position } {
  const least = lowest(acknowledged);
  return least === null
    ? { write: zeroPosition, apply: beyondEverything }
    : { write: least, apply: least };
}

const foldAnyMemberChange: Fold = (state, record) => {
  const isJudged = record.kind === 'member' && record.epoch === state.epoch && !state.prepare;
  if (!isJudged) return foldControl(state, record);
  const others = state.members.filter(({ region }) => region !== record.region);
  const { region, store } = record;
  const members = record.action === 'add' ? [...others, { region, store }] : others;
  const version = state.version + 1;
  return { state: { ...state, members, version }, outcome: { kind: 'applied' } };
};

const foldKeepingMembers: Fold = (state, record) => {
  const folded = foldControl(state, record);
  if (folded.outcome.kind !== 'promoted') return folded;
  const { promotion } = folded.outcome;
  const old: readonly Member[] =
    promotion.from === null ? [] : [{ region: promotion.from, store: `${promotion.from}-0` }];
  const kept = [...(state.prepare?.members ?? state.members), ...old];
  const members = kept.filter(({ region }) => region !== promotion.to);
  return { ...folded, state: { ...folded.state, members } };
};

/** Judges a prepare or a seal as if no epoch had ever been cut. */
const foldWithoutCuts: Fold = (state, record) => {
  if (record.kind !== 'prepare' && record.kind !== 'seal') return foldControl(state, record);
  const history = state.history.map((one) => ({ ...one, cut: beyondEverything }));
  const { state: after, outcome } = foldControl({ ...state, history }, record);
  const promotions = after.history.slice(state.history.length);
  return { state: { ...after, history: [...state.history, ...promotions] }, outcome };
};

const foldWithPolicyK: Fold = (state, record) => {
  if (record.kind !== 'prepare' && record.kind !== 'seal') return foldControl(state, record);
  const { kLow } = state;
  const { state: after, outcome } = foldControl({ ...state, kLow: state.policy?.k ?? 1 }, record);
  return { state: outcome.kind === 'promoted' ? after : { ...after, kLow }, outcome };
};

const foldAnyStore: Fold = (state, record) => {
  const { prepare } = state;
  if (record.kind !== 'seal' || prepare === null) return foldControl(state, record);
  const members = prepare.members.map((member) =>
    member.region === record.region ? { ...member, store: record.store } : member,
  );
  return foldControl({ ...state, prepare: { ...prepare, members } }, record);
};

const foldLateAttempts: Fold = (state, record) =>
  foldControl(state, record.kind === 'prepare' ? asNewest(state, record) : record);

/** The record as one that was decided on just this state. */
function asNewest(state: ControlState, record: PrepareRecord): PrepareRecord {
  const seals = state.prepare?.seals ?? [];
  const attempt = (state.prepare?.attempt ?? 0) + 1;
  if (record.force === null || state.prepare === null) return { ...record, attempt };
  const shown = record.force.seals;
  const isAsShown =
    shown.length === seals.length &&
    seals.every((seal) => shown.some((one) => isSame(one.position, seal.position)));
  const operation = isAsShown ? null : { id: notAsShown, by: '', reason: '', atMs: 0 };
  return { ...record, attempt, operation, force: { acceptDataLoss: true, seals } };
}

function isSame(a: Position, b: Position): boolean {
  return isAtOrPast(a, b) && isAtOrPast(b, a);
}
