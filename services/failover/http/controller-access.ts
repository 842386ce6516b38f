/** What the routes of this service know of the controller. */
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { AuthHook } from '../../../shared/auth/require-scope.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { ControlRelay } from '../../../shared/ports/control-log.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import type { OperatorAnswer } from '../core/controller-effect.ts';
import type { OperatorRequest } from '../core/controller-input.ts';
import type { ControllerState } from '../core/controller-state.ts';

/** What one region held beyond the cut of `epoch`. */
export interface DivergenceId {
  readonly region: RegionId;
  /** The node that alone held it; null: the region. */
  readonly node: NodeId | null;
  readonly epoch: number;
}

/** What regions held beyond cuts, kept until a person discards it; throws MeridianError. */
export interface DivergedAccess {
  /** One entry for each tail, the newest first. */
  list(): Promise<readonly object[]>;
  /** Rows after number `after`, in the order of the region's log. */
  rows(
    id: DivergenceId,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** How many rows were deleted. */
  discard(id: DivergenceId): Promise<number>;
}

export interface ControllerAccess extends RegionControl {
  readonly clusterId: string;
  readonly region: RegionId;
  readonly regions: readonly RegionConfig[];
  readonly logger: Logger;
  readonly requireViewer: AuthHook;
  readonly requireOperator: AuthHook;
  readonly requireAdmin: AuthHook;
  readonly requirePeer: AuthHook;
  state(): ControllerState;
  /** Of the checkpoint that this process has stored last; null before the first. */
  storedOffset(): LogOffset | null;
  ask(request: OperatorRequest): Promise<OperatorAnswer>;
  /** Takes what another region appends at this moment. */
  hear(record: ControlRecord): boolean;
  /** Monotonic. */
  nowMs(): number;
  wallMs(): number;
  readonly diverged: DivergedAccess;
  readonly relay: ControlRelay;
  /** The schema of this region, which leads; null while it does not. */
  schemaAnswer(digest: string): Promise<object | null>;
  /** Why the control log decides nothing now, in words; null while it does. */
  controlProblem(): Promise<string | null>;
}
