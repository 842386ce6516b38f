/**
 * The real controller with one of its rules left out: what goes into a step or comes out of it is
 * altered, the step itself is the shipped one.
 */
import { stepWith, type Stepped } from '../../../services/failover/core/controller.ts';
import type { Effect } from '../../../services/failover/core/controller-effect.ts';
import type { DatabaseFacts, Input } from '../../../services/failover/core/controller-input.ts';
import type { ControllerState } from '../../../services/failover/core/controller-state.ts';
import { lastOpened } from '../../../services/failover/core/situation.ts';
import type { PlantName } from '../plants.ts';
import type { Rules } from './rules.ts';

export type Step = (state: ControllerState, input: Input) => Stepped;

/** The rules that are the controller's own. */
export type ControllerPlant = Extract<
  PlantName,
  | 'oldlease'
  | 'ghost'
  | 'early'
  | 'forget'
  | 'anystore'
  | 'unopened'
  | 'remfast'
  | 'resume'
  | 'final'
  | 'nohello'
  | 'norelog'
>;

/** Changes what a step has made. */
type Alter = (after: Stepped) => Stepped;

const alterations: Readonly<Record<Exclude<ControllerPlant, 'resume'>, () => Alter>> = {
  oldlease: () => onState(({ read }) => ({ read: { ...read, oldLeaseReadAtMs: -Infinity } })),
  ghost: () => withoutWait((state) => state.opening?.isAgain === true),
  early: () => withoutWait((state) => state.opening?.isAgain === false),
  forget: () =>
    onState(({ tenure }) => (tenure === null ? {} : { tenure: { ...tenure, bound: null } })),
  anystore: () => onState(withOwnStore),
  unopened: () => withFinalSeal((state) => lastOpened(state)?.epoch !== state.fold.epoch),
  final: () => withFinalSeal((state) => lastOpened(state)?.epoch === state.fold.epoch),
  nohello: () =>
    onState(({ kind, isReaderStarted }) =>
      kind === 'greeting' && isReaderStarted ? { kind: 'running' } : {},
    ),
  norelog: () => onEffects(claimedFromLog),
  remfast: removeAtOnce,
};

export function isControllerPlant(plant: PlantName | null): plant is ControllerPlant {
  return plant !== null && (plant === 'resume' || Object.hasOwn(alterations, plant));
}

/** The step of one region. */
export function stepOf(rules: Rules): Step {
  const step = stepWith(rules);
  const { controllerPlant } = rules;
  if (controllerPlant === null) return step;
  if (controllerPlant === 'resume') return onTheOpenersTimeline(step);
  const alter = alterations[controllerPlant]();
  return (state, input) => alter(step(state, input));
}

function onState(change: (state: ControllerState) => Partial<ControllerState>): Alter {
  return (after) => ({ ...after, state: { ...after.state, ...change(after.state) } });
}

/** Strong reads do not wait for the members when `isPlanted` says so. */
function withoutWait(isPlanted: (state: ControllerState) => boolean): Alter {
  return (after) => {
    const { tenure } = after.state;
    if (tenure === null || tenure.strongReadsFrom === null || !isPlanted(after.state)) return after;
    const view = after.state.view === null ? null : { ...after.state.view, strongReadsFrom: null };
    const state = { ...after.state, view, tenure: { ...tenure, strongReadsFrom: null } };
    const effects = after.effects.map((effect) =>
      effect.kind === 'publishView'
        ? { ...effect, view: { ...effect.view, strongReadsFrom: null } }
        : effect,
    );
    return { state, effects };
  };
}

/** A promotion of this region is taken to be of the store that it has now. */
function withOwnStore(state: ControllerState): Partial<ControllerState> {
  const store = state.replication?.store ?? null;
  const last = state.fold.history.at(-1);
  if (store === null || last?.to !== state.config.region || last.store === store) return {};
  const history = [...state.fold.history.slice(0, -1), { ...last, store }];
  return { fold: { ...state.fold, history } };
}

function onEffects(change: (effect: Effect, state: ControllerState) => Effect): Alter {
  return ({ state, effects }) => ({
    state,
    effects: effects.map((effect) => change(effect, state)),
  });
}

/** A promoted node's progress row says that everything in the region's log is in its data. */
function claimedFromLog(effect: Effect, { replication }: ControllerState): Effect {
  if (effect.kind !== 'setProgress' || replication === null) return effect;
  return { ...effect, position: replication.logEnd };
}

/** The old primary's seal is called final where `isPlanted` says so. */
function withFinalSeal(isPlanted: (state: ControllerState) => boolean): Alter {
  return onEffects((effect, state) => {
    if (effect.kind !== 'appendControl' || effect.record.kind !== 'seal') return effect;
    const isOld = state.fold.prepare?.oldPrimary === state.config.region;
    if (!isOld || !isPlanted(state)) return effect;
    return { ...effect, record: { ...effect.record, final: true } };
  });
}

/** While no change of primary is open, a promoted node is taken for the one that it stood by. */
function onTheOpenersTimeline(step: Step): Step {
  /** Of each start of a server. */
  const timelines = new Map<string, number>();
  return (state, input) => {
    if (input.kind === 'databaseReported' && input.facts !== null) {
      timelines.set(input.facts.serverStart, input.facts.timeline);
    }
    const { fold } = state;
    const seen = (facts: DatabaseFacts): DatabaseFacts => {
      const { lastOpenedEpoch, lastOpenedTimeline } = facts.fence;
      const isTaken = fold.prepare === null && lastOpenedEpoch === fold.epoch;
      const timeline = isTaken ? lastOpenedTimeline : timelines.get(facts.serverStart);
      return { ...facts, timeline: timeline ?? facts.timeline };
    };
    const database = state.database === null ? null : seen(state.database);
    const isReport = input.kind === 'databaseReported' && input.facts !== null;
    return step({ ...state, database }, isReport ? { ...input, facts: seen(input.facts) } : input);
  };
}

/** The record that removes a member goes out as soon as the removal is decided. */
function removeAtOnce(): Alter {
  let sentFor = '';
  return (after) => {
    const { removing, fold } = after.state;
    const member = fold.members.find(({ region }) => region === removing?.region);
    const version = `${fold.epoch}/${fold.version}`;
    if (member === undefined || sentFor === version) return after;
    sentFor = version;
    const removal: Effect = {
      id: -1,
      kind: 'appendControl',
      record: {
        kind: 'member',
        epoch: fold.epoch,
        version: fold.version,
        action: 'remove',
        ...member,
      },
    };
    return { ...after, effects: [...after.effects, removal] };
  };
}
