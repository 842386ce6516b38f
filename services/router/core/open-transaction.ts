/**
 * The life of an interactive transaction: which calls it takes, and what ends it. It does one thing
 * at a time; a COMMIT that was sent is never disturbed.
 */
import { assertNever } from '../../../shared/core/assert.ts';

export type OpenTransaction =
  | { readonly kind: 'idle'; readonly openedMs: number; readonly sinceMs: number }
  | { readonly kind: 'running'; readonly openedMs: number }
  | { readonly kind: 'committing' }
  | { readonly kind: 'ended'; readonly end: TransactionEnd };

/** All but the first two ends rolled it back without being asked. */
export type TransactionEnd =
  | 'committed'
  | 'rolledBack'
  /** The COMMIT was sent and its outcome is not known. */
  | 'unknown'
  | 'idle'
  | 'tooLong'
  | 'primaryMoved'
  | 'stopping'
  /** Its caller left, or its deadline passed, while a statement ran. */
  | 'abandoned'
  | 'connectionLost';

export type TransactionInput =
  | {
      readonly kind: 'called';
      readonly call: 'query' | 'commit' | 'rollback';
      readonly nowMs: number;
    }
  /** PostgreSQL has answered a statement, be it with an error. */
  | { readonly kind: 'answered'; readonly nowMs: number }
  | { readonly kind: 'finished'; readonly end: TransactionEnd }
  | { readonly kind: 'interrupted'; readonly end: 'primaryMoved' | 'stopping' | 'abandoned' }
  | { readonly kind: 'ticked'; readonly nowMs: number };

export type TransactionEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'run' | 'commit' | 'rollBack' | 'cancel' }
  | { readonly kind: 'refuse'; readonly why: 'busy' | 'ended' };

export interface TransactionBounds {
  /** Between two calls. */
  readonly idleMs: number;
  /** From its BEGIN on. */
  readonly lifeMs: number;
}

interface Stepped {
  readonly state: OpenTransaction;
  readonly effect: TransactionEffect;
}

export function stepOpenTransaction(
  state: OpenTransaction,
  input: TransactionInput,
  bounds: TransactionBounds,
): Stepped {
  switch (input.kind) {
    case 'called':
      return called(state, input);
    case 'answered': {
      if (state.kind !== 'running') return stay(state);
      return stay({ kind: 'idle', openedMs: state.openedMs, sinceMs: input.nowMs });
    }
    case 'finished':
      return state.kind === 'ended' ? stay(state) : stay({ kind: 'ended', end: input.end });
    case 'interrupted':
      return end(state, input.end);
    case 'ticked': {
      if (state.kind !== 'idle' && state.kind !== 'running') return stay(state);
      if (input.nowMs - state.openedMs >= bounds.lifeMs) return end(state, 'tooLong');
      const isIdle = state.kind === 'idle' && input.nowMs - state.sinceMs >= bounds.idleMs;
      return isIdle ? end(state, 'idle') : stay(state);
    }
    default:
      return assertNever(input);
  }
}

function called(
  state: OpenTransaction,
  { call }: Extract<TransactionInput, { readonly kind: 'called' }>,
): Stepped {
  if (state.kind === 'ended') return { state, effect: { kind: 'refuse', why: 'ended' } };
  if (state.kind !== 'idle') return { state, effect: { kind: 'refuse', why: 'busy' } };
  switch (call) {
    case 'query':
      return {
        state: { kind: 'running', openedMs: state.openedMs },
        effect: { kind: 'run' },
      };
    case 'commit':
      return { state: { kind: 'committing' }, effect: { kind: 'commit' } };
    case 'rollback':
      return { state: { kind: 'ended', end: 'rolledBack' }, effect: { kind: 'rollBack' } };
    default:
      return assertNever(call);
  }
}

/** What is idle is rolled back, a running statement cancelled; a COMMIT goes on. */
function end(state: OpenTransaction, why: TransactionEnd): Stepped {
  if (state.kind === 'ended' || state.kind === 'committing') return stay(state);
  const effect = { kind: state.kind === 'idle' ? 'rollBack' : 'cancel' } as const;
  return { state: { kind: 'ended', end: why }, effect };
}

function stay(state: OpenTransaction): Stepped {
  return { state, effect: { kind: 'none' } };
}
