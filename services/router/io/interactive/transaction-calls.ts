/**
 * Calls of interactive transactions on their way: to the process that holds the transaction, here
 * or in the region that its id names, and to the kept outcome of a COMMIT that nobody answered.
 */
import type { RegionId } from '../../../../shared/core/region.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type {
  DataReply,
  DataRequest,
  TransactionCall,
} from '../../../../shared/ports/data-access.ts';
import type { TokenSigner } from '../../../../shared/runtime/token-signer.ts';
import type { PrimaryForwarder } from '../primary-forwarder.ts';
import { summarise } from '../request-plan.ts';
import type { StatementAnalysis } from '../statement-analysis.ts';
import { outcomeUnknown } from '../sql/sql-failure.ts';
import type { OpenTransactions } from './open-transactions.ts';
import { regionOfTransaction } from './transaction-id.ts';
import { isReplyOf } from './transaction-steps.ts';

export interface TransactionCallsOptions {
  readonly region: RegionId;
  readonly signer: TokenSigner;
  readonly analysis: StatementAnalysis;
  readonly forwarder: PrimaryForwarder;
  readonly open: OpenTransactions;
}

type LaterCall = Exclude<TransactionCall, { readonly kind: 'begin' }>;

/** Asks what became of the request under its key, in whatever region knows. */
type Ask = (question: DataRequest) => Promise<DataReply>;

export class TransactionCalls {
  readonly #options: TransactionCallsOptions;

  constructor(options: TransactionCallsOptions) {
    this.#options = options;
  }

  /** Throws what the transaction throws; see OpenTransactions. */
  async run(request: DataRequest, call: LaterCall, ask: Ask): Promise<DataReply> {
    const holder = regionOfTransaction(this.#options.signer, call.id);
    try {
      return await this.#atHolder(holder, request, call);
    } catch (error) {
      if (call.kind !== 'commit' || request.isForwarded || !isInDoubt(error)) throw error;
      const hasKey = request.idempotencyKey !== null;
      const why = 'Nothing is known of the transaction any more.';
      const isUnknown = isMeridianError(error, 'CommitOutcomeUnknown');
      const unknown = isUnknown ? error : outcomeUnknown(why, hasKey, error);
      if (!hasKey) throw unknown;
      const reply = await ask(askForKey(request)).catch(() => null);
      // While the holder is still primary, a COMMIT that it has got may yet be done.
      const mayCome = reply?.region === holder && !isForgotten(error);
      if (reply === null || (reply.results.length === 0 && mayCome)) throw unknown;
      return keptOutcome(call.id, reply);
    }
  }

  #atHolder(holder: RegionId, request: DataRequest, call: LaterCall): Promise<DataReply> {
    const { region, forwarder } = this.#options;
    if (holder === region) return this.#here(request, call);
    if (!request.isForwarded) return forwarder.forward(holder, request, call.kind === 'commit');
    throw new MeridianError('NotPrimary', 'The transaction is held by another region.');
  }

  async #here(request: DataRequest, call: LaterCall): Promise<DataReply> {
    const { open, analysis } = this.#options;
    const { id } = call;
    switch (call.kind) {
      case 'query': {
        const plan = await summarise(analysis, { ...request, isTransaction: true });
        return open.query(id, request, plan.touchesSession);
      }
      case 'commit':
        return open.commit(id, request);
      case 'rollback':
        return open.rollBack(id, request);
    }
  }
}

/** Asks what is kept under the request's key. */
function askForKey(request: DataRequest): DataRequest {
  const question: Mutable<DataRequest> = { ...request, statements: [] };
  delete question.transaction;
  return question;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The COMMIT may have happened, or its process knows nothing of it any more. */
function isInDoubt(error: unknown): boolean {
  if (isMeridianError(error, 'CommitOutcomeUnknown')) return true;
  return isMeridianError(error, 'NotPrimary') || isForgotten(error);
}

function isForgotten(error: unknown): boolean {
  return isMeridianError(error, 'StatementFailed') && error.details['isForgotten'] === true;
}

/** What the row under the key says of transaction `id`. */
function keptOutcome(id: string, reply: DataReply): DataReply {
  if (reply.results.length === 0) {
    const hint = 'Nothing of it was done: run the whole transaction again.';
    const details = { sqlstate: '40001', hint };
    throw new MeridianError('StaleEpoch', 'The transaction was not committed.', details);
  }
  if (isReplyOf(id, reply.results)) return { ...reply, results: [] };
  const hint = 'Use a new Idempotency-Key for each different request.';
  throw new MeridianError('RequestInvalid', 'The key was used for another request.', { hint });
}
