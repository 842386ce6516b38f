/** Every epoch as `GET /admin/history` shows it, and the audit of who asked for what. */
import { assertNever } from '../../../shared/core/assert.ts';
import type { OperatorVerb, Promotion } from '../../../shared/core/control/control-state.ts';
import type { NoteRecord, OperationLabel } from '../../../shared/core/control/control-record.ts';
import { formatPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { OperatorRequest } from '../core/controller-input.ts';
import type { ControllerAccess } from './controller-access.ts';

/** What became known after a change of primary; null as long as it is not. */
export interface Aftermath {
  /** From the prepare, or the last renewal of a lost primary, to the opening. */
  readonly pauseMs: number | null;
  readonly rowsLost: number | null;
  readonly transactionsLost: number | null;
  readonly tails: readonly TailShown[];
}

export interface TailShown {
  readonly region: string;
  readonly transactions: number;
  readonly rows: number;
  readonly mayBeConfirmed: boolean;
  readonly isListed: boolean;
}

/** Newest first. */
export function historyOf(access: ControllerAccess): readonly Record<string, unknown>[] {
  const { history, notes } = access.state().fold;
  return history
    .map((one) => ({
      epoch: one.epoch,
      change: one.change,
      from: one.from,
      to: one.to,
      source: one.source,
      cut: formatPosition(one.cut),
      safe: formatPosition(one.safe),
      attempt: one.attempt,
      isForced: one.isForced,
      isQuick: one.isQuick,
      why: one.why,
      by: one.operation?.by ?? null,
      reason: one.operation?.reason ?? null,
      operationId: one.operation?.id ?? null,
      atMs: one.operation?.atMs ?? null,
      ...aftermathOf(one, notes),
    }))
    .toReversed();
}

/** What the notes of the control log say of `promotion`. */
export function aftermathOf(promotion: Promotion, notes: readonly NoteRecord[]): Aftermath {
  const own = notes.filter(({ epoch }) => epoch === promotion.epoch);
  const opened = own.map(({ note }) => note).find((note) => note.about === 'opened');
  const tails = own.flatMap(({ region, note }) =>
    note.about === 'tail'
      ? [
          {
            region,
            transactions: note.transactions,
            rows: note.rows,
            mayBeConfirmed: note.mayBeConfirmed,
            isListed: note.isListed,
          },
        ]
      : [],
  );
  const isKnown = promotion.isQuick || promotion.from === null || tails.length > 0;
  // Regions may hold the same rows beyond the cut: the longest tail is what was lost.
  const most = (count: (tail: TailShown) => number): number | null =>
    isKnown && tails.every(({ isListed }) => isListed) ? Math.max(0, ...tails.map(count)) : null;
  return {
    pauseMs: opened?.pauseMs ?? null,
    rowsLost: most(({ rows }) => rows),
    transactionsLost: most(({ transactions }) => transactions),
    tails,
  };
}

/** Newest first; what was refused is known to the region that refused it, until it restarts. */
export function auditOf(access: ControllerAccess): readonly Record<string, unknown>[] {
  const { fold, declined } = access.state();
  const taken = fold.operations.map(({ verb, operation, region, epoch, attempt, isForced }) => ({
    ...labelShown(operation),
    ...{ verb, region, epoch, attempt, isForced, refused: null },
  }));
  const refused = declined.map(({ request, why }) => ({
    ...labelShown(request.operation),
    ...{ ...askedFor(request), epoch: null, attempt: null, refused: why },
  }));
  const newestFirst = [...taken, ...refused].toReversed();
  return newestFirst.toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

function labelShown({ id, by, reason, atMs }: OperationLabel) {
  return { at: new Date(atMs).toISOString(), by, reason, operationId: id };
}

function askedFor(request: OperatorRequest): {
  readonly verb: OperatorVerb;
  readonly region: RegionId | null;
  readonly isForced: boolean;
} {
  const common = { region: null, isForced: false };
  switch (request.kind) {
    case 'change':
      return { verb: request.change, region: request.to, isForced: request.force };
    case 'pause':
      return { ...common, verb: request.durationMs === 0 ? 'resume' : 'pause' };
    case 'revoke':
      return { ...common, verb: 'revoke' };
    case 'audit':
      return { ...common, verb: request.verb, region: request.region };
    case 'region':
      return { ...common, verb: `${request.action}-region`, region: request.region };
    case 'traffic':
      return {
        ...common,
        verb: request.isAccepting ? 'undrain' : 'drain',
        region: request.region,
      };
    default:
      return assertNever(request);
  }
}
