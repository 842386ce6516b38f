/** What every request of this gateway works with. Replaced as a whole when the routes change. */
import type { RegionId } from '../../shared/core/region.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { LineLog } from '../../shared/logging/line-log.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TokenSigner } from '../../shared/runtime/token-signer.ts';
import type { GatewayConfig, RouteConfig } from './config.ts';
import type { HopLedger } from './core/edge/hop-ledger.ts';
import type { RetryBudget } from './core/retry-budget.ts';
import type { DecisionMemo } from './decision-memo.ts';
import type { AddressList } from './io/address-list.ts';
import type { Authenticator } from './io/authenticator.ts';
import type { Deadlines } from './io/deadlines.ts';
import type { GatewayMeters } from './io/gateway-meters.ts';
import type { GeoLocator } from './io/geo-locator.ts';
import type { InstanceRegistry } from './io/instance-registry.ts';
import type { PeerEnd } from './io/listener/proxied-peers.ts';
import type { RateLimiter } from './io/rate-limiter.ts';
import type { RegionTable } from './io/region-table.ts';
import type { SessionStore } from './io/session-store.ts';
import type { UpstreamGroup } from './io/upstream-group.ts';

/** A configured route with what is made of it once. */
export interface Route {
  readonly config: RouteConfig;
  readonly match: RouteConfig['match'];
  /** Null when the route has no such list. */
  readonly allowed: AddressList | null;
  readonly denied: AddressList | null;
  /** The data API of a process without a router: always passed to one of the own region. */
  readonly isOwnOnly: boolean;
}

export interface GatewayRuntime {
  /** Address of the client at the other end of a connection. */
  readonly peerOf: (end: PeerEnd) => string;
  readonly config: GatewayConfig;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly accessLog: LineLog;
  readonly trusted: AddressList;
  readonly routes: readonly Route[];
  readonly groups: ReadonlyMap<string, UpstreamGroup>;
  readonly regions: RegionTable;
  readonly geo: GeoLocator;
  readonly signer: TokenSigner;
  readonly hops: HopLedger;
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter;
  readonly sessions: SessionStore;
  /** Null without Redis. */
  readonly registry: InstanceRegistry | null;
  readonly decisions: DecisionMemo;
  readonly deadlines: Deadlines;
  readonly retryBudget: RetryBudget;
  readonly meters: GatewayMeters;
}
