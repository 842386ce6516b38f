/** What every request of this gateway works with. Replaced as a whole when the routes change. */
import type { RegionId } from '../../shared/core/region.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TokenSigner } from '../../shared/runtime/token-signer.ts';
import type { GatewayConfig } from './config.ts';
import type { RetryBudget } from './core/retry-budget.ts';
import type { AddressList } from './io/address-list.ts';
import type { GeoLocator } from './io/geo-locator.ts';
import type { GatewayMeters } from './io/gateway-meters.ts';
import type { RegionTable } from './io/region-table.ts';
import type { UpstreamGroup } from './io/upstream-group.ts';

export interface GatewayRuntime {
  readonly config: GatewayConfig;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly accessLog: Logger;
  readonly trusted: AddressList;
  readonly groups: ReadonlyMap<string, UpstreamGroup>;
  readonly regions: RegionTable;
  readonly geo: GeoLocator;
  readonly hopSigner: TokenSigner;
  readonly retryBudget: RetryBudget;
  readonly meters: GatewayMeters;
}
