/** What the applier makes of a change that the server refused, or that met other rows. */
import { formatPosition, type Position } from '../../../../shared/core/position.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { sqlstateOf } from '../../../../shared/errors/sqlstate.ts';

/** Whether the same changes, one by one, may succeed: any refusal of a statement, no lost link. */
export function mayFitOneByOne(error: unknown): boolean {
  const state = sqlstateOf(error);
  if (error instanceof MeridianError) return error.code === 'Divergence';
  return state !== null && !state.startsWith('57') && !state.startsWith('08') && state !== 'MF001';
}

/** The report of a transaction that cannot be applied; what is no refusal stays what it is. */
export function divergenceAt(at: Position, error: unknown): unknown {
  const state = sqlstateOf(error);
  if (!(error instanceof MeridianError) && state === null) return error;
  const facts = error instanceof MeridianError ? error.details : { sqlstate: state ?? '' };
  const why = error instanceof Error ? error.message : String(error);
  return new MeridianError(
    'Divergence',
    `The transaction at ${formatPosition(at)} cannot be applied: ${why}`,
    { ...facts, position: formatPosition(at) },
    error,
  );
}
