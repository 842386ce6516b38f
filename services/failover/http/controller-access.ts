/** What the routes of this service know of the controller. */
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { AuthHook } from '../../../shared/auth/require-scope.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import type { OperatorAnswer } from '../core/controller-effect.ts';
import type { OperatorRequest } from '../core/controller-input.ts';
import type { ControllerState } from '../core/controller-state.ts';

export interface ControllerAccess extends RegionControl {
  readonly clusterId: string;
  readonly region: RegionId;
  readonly regions: readonly RegionConfig[];
  readonly logger: Logger;
  readonly requireViewer: AuthHook;
  readonly requireOperator: AuthHook;
  readonly requirePeer: AuthHook;
  state(): ControllerState;
  ask(request: OperatorRequest): Promise<OperatorAnswer>;
  /** Monotonic. */
  nowMs(): number;
  wallMs(): number;
  /** Lets `region` take or refuse traffic of its own; throws UpstreamUnavailable. */
  setAccepting(region: RegionId, isAccepting: boolean): Promise<void>;
}
