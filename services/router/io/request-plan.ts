/** Where a whole request must run and how, going by the analysis of its statements. */
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { DataRequest } from '../../../shared/ports/data-access.ts';
import type { StatementAnalysis } from './statement-analysis.ts';

export interface RequestPlan {
  readonly needsPrimary: boolean;
  /** Runs in a transaction that may write. */
  readonly writes: boolean;
  readonly touchesSession: boolean;
  /** PostgreSQL refuses it inside a transaction block. */
  readonly isAlone: boolean;
  /** Its rows can be taken in parts. */
  readonly canStream: boolean;
  /** Its statements come often: their plans are worth keeping. */
  readonly isRepeated: boolean;
  readonly why: string;
}

/** An interactive transaction is opened on the primary; nothing is written by that. */
export const beginningPlan: RequestPlan = {
  needsPrimary: true,
  writes: false,
  touchesSession: false,
  isAlone: false,
  canStream: false,
  isRepeated: false,
  why: 'a transaction',
};

/**
 * The plan of a whole request. A transaction that is not declared read-only runs on the primary;
 * a caller who may only read gets a read-only one there. Throws RequestInvalid, Forbidden.
 */
export async function summarise(
  analysis: StatementAnalysis,
  request: DataRequest,
): Promise<RequestPlan> {
  const parts = await Promise.all(request.statements.map(({ sql }) => analysis.analyse(sql)));
  const refused = parts.find(({ kind }) => kind === 'refused');
  if (refused !== undefined) {
    const message = `The statement is refused: ${refused.why}.`;
    throw new MeridianError('RequestInvalid', message, { hint: refused.hint });
  }
  const writing = parts.find(({ kind }) => kind === 'write');
  const touchesSession = parts.some((part) => part.touchesSession);
  // Without statements it asks for the outcome under its key, which takes a lock.
  const isQuestion = request.statements.length === 0;
  const isOpenTransaction = isQuestion || (request.isTransaction && !request.isReadOnly);
  const isSerializable = request.isolation === 'serializable';
  const why = writing?.why ?? (isOpenTransaction ? 'a transaction' : 'it only reads');
  const needsPrimary = writing !== undefined || isOpenTransaction || isSerializable;
  const writes =
    !request.isReadOnly && request.caller.canWrite && (writing !== undefined || isOpenTransaction);
  if (isQuestion && !writes) throw forbidden(null);
  const isAlone = !request.isTransaction && writes && parts[0]?.isAlone === true;
  const canStream = !writes && parts.length === 1 && parts[0]?.isQuery === true;
  const isRepeated = !touchesSession && parts.every((part) => part.isRepeated);
  return { needsPrimary, writes, touchesSession, isAlone, canStream, isRepeated, why };
}

/** The plan of a request that passed as a read and writes. Throws when it must not write. */
export function writingPlan(request: DataRequest, plan: RequestPlan, error: Error): RequestPlan {
  if (request.isReadOnly) {
    const details = { sqlstate: '25006' };
    throw new MeridianError('StatementFailed', 'The transaction is read-only.', details, error);
  }
  if (!request.caller.canWrite) throw forbidden(error);
  return { ...plan, needsPrimary: true, writes: true, touchesSession: true, canStream: false };
}

function forbidden(cause: unknown): MeridianError {
  const hint = 'The token needs the scope data:write.';
  return new MeridianError('Forbidden', 'The token does not allow writing.', { hint }, cause);
}
