/** SQL as the router runs it, whatever the front end. */
import type { Consistency } from '../core/consistency.ts';
import type { DurabilityMode } from '../core/durability.ts';
import type { NodeId } from '../core/node.ts';
import type { Position } from '../core/position.ts';
import type { RegionId } from '../core/region.ts';

export interface Statement {
  readonly sql: string;
  /** JSON values; sent as text, PostgreSQL infers the types. */
  readonly params: readonly unknown[];
  /** The transaction is rolled back unless exactly so many rows were returned or changed. */
  readonly expectRows?: number;
}

export interface Caller {
  /** Who it is, for idempotency keys and logs. */
  readonly subject: string;
  /** PostgreSQL role that the statements run as. */
  readonly role: string;
  readonly canWrite: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** One call of an interactive transaction; `id` is the one that the reply to `begin` gave. */
export type TransactionCall =
  | { readonly kind: 'begin' }
  | { readonly kind: 'query' | 'commit' | 'rollback'; readonly id: string };

export interface DataRequest {
  readonly statements: readonly Statement[];
  readonly isTransaction: boolean;
  readonly isReadOnly: boolean;
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable' | null;
  readonly consistency: Consistency;
  /** Position token of the caller, at whatever level: it is never ignored. */
  readonly token: Position | null;
  /** The token is an upper bound: a loss that it shows is not certain. */
  readonly isTokenUpperBound: boolean;
  readonly durability: DurabilityMode;
  readonly idempotencyKey: string | null;
  readonly caller: Caller;
  /** Came from another region's router: never sent on. */
  readonly isForwarded: boolean;
  /** Monotonic time by which the reply must leave. */
  readonly deadlineMs: number;
  readonly requestId: string;
  /** It belongs to an interactive transaction: only `query` has a statement, exactly one. */
  readonly transaction?: TransactionCall;
  /** The rows of its one statement are taken in parts: `DataReply.rest` yields what comes later. */
  readonly isStream?: boolean;
  /** Aborts when nobody waits for the reply any more; a COMMIT goes on all the same. */
  readonly signal?: AbortSignal;
}

export interface ResultField {
  readonly name: string;
  readonly typeOid: number;
}

export interface StatementResult {
  readonly command: string;
  readonly rowCount: number;
  readonly fields: readonly ResultField[];
  /** Text form of PostgreSQL, or null. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** There were more rows than the limit; the statement itself ran to its end. */
  readonly isCutOff: boolean;
}

export interface DataReply {
  readonly results: readonly StatementResult[];
  /** Own commit, or newest transaction visible; null when nothing is known. */
  readonly position: Position | null;
  readonly isUpperBound: boolean;
  readonly servedBy: NodeId;
  readonly region: RegionId;
  /** Proven upper bound; null when nothing is proven. */
  readonly stalenessMs: number | null;
  readonly consistency: Consistency['level'];
  /** What was reached, for writes. */
  readonly durability: { readonly mode: DurabilityMode | 'none'; readonly regions: string } | null;
  /** Of the interactive transaction that was begun. */
  readonly transactionId?: string;
  /** Rows of the one result that follow those in it. */
  readonly rest?: RowStream;
}

/** Rows still to come. Whoever holds it calls `next` up to null or an error, or `close`. */
export interface RowStream {
  /** The next rows, at least one; null at the end. Throws MeridianError. */
  next(): Promise<StatementResult['rows'] | null>;
  close(): void;
}

export interface DataAccess {
  /** Throws MeridianError of the catalogue. */
  run(request: DataRequest): Promise<DataReply>;
}
