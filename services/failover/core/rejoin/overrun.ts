/**
 * A region that was away for longer than the logs of the others reach back: its data are kept
 * aside and it is seeded anew, once the primary is open. What it held is in the primary's history,
 * or it would have diverged.
 */
import { formatPosition } from '../../../../shared/core/position.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState } from '../controller-state.ts';
import { planSettingAside, seedSource } from '../node-plan.ts';
import { hasHistory, openPrimary, overrunOf, reportOf } from '../situation.ts';

/** The next effects of such a region. */
export function planOverrun(state: ControllerState): readonly EffectBody[] {
  if (overrunOf(state) === null) return [];
  if (openPrimary(state) === null || seedSource(state) === null) return [];
  return planSettingAside(state);
}

/** Remembers why the region is seeded anew, until it follows again. */
export function trackOverrun(state: ControllerState): ControllerState {
  const overrun = overrunOf(state);
  if (overrun === null) {
    const isOver = hasHistory(state) && reportOf(state, 'follow')?.phase === 'running';
    return isOver && state.seededAnew !== null ? { ...state, seededAnew: null } : state;
  }
  const { source, begins } = overrun;
  const at = state.replication?.applied;
  const where = at === undefined ? '' : `, it had come to ${formatPosition(at)}`;
  const log = source === state.config.region ? 'its own log' : `the log of ${source}`;
  const why = `it is seeded anew: ${log} begins at ${formatPosition(begins)}${where}`;
  return state.seededAnew === null ? { ...state, seededAnew: why } : state;
}

/** Tells once that the region is to be seeded anew. */
export function explainOverrun(
  before: ControllerState,
  after: ControllerState,
): readonly EffectBody[] {
  const why = after.seededAnew;
  if (why === null || before.seededAnew !== null) return [];
  return [{ kind: 'explain', level: 'warn', message: 'the region is seeded anew', facts: { why } }];
}
