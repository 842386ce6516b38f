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
}

export interface Caller {
  /** PostgreSQL role that the statements run as. */
  readonly role: string;
  readonly canWrite: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface DataRequest {
  readonly statements: readonly Statement[];
  readonly isTransaction: boolean;
  readonly isReadOnly: boolean;
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable' | null;
  readonly consistency: Consistency;
  readonly durability: DurabilityMode;
  readonly idempotencyKey: string | null;
  readonly caller: Caller;
  /** Monotonic time by which the reply must leave. */
  readonly deadlineMs: number;
  readonly requestId: string;
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
}

export interface DataReply {
  readonly results: readonly StatementResult[];
  /** Own commit, or newest transaction visible; null when nothing is known. */
  readonly position: Position | null;
  readonly isUpperBound: boolean;
  readonly servedBy: NodeId;
  readonly region: RegionId;
  readonly stalenessMs: number;
  readonly consistency: Consistency['level'];
  /** What was reached, for writes. */
  readonly durability: { readonly mode: DurabilityMode | 'none'; readonly regions: string } | null;
}

export interface DataAccess {
  /** Throws MeridianError of the catalogue. */
  run(request: DataRequest): Promise<DataReply>;
}
