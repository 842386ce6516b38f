/** What `main` makes of a process's options, and what the process does with it. */
import type { ClusterConfig } from './cluster-config.ts';
import type { ProcessOptions } from './process-options.ts';
import type { ServiceName } from '../shared/config/cluster-schema.ts';
import type { Secrets } from '../shared/config/secrets-schema.ts';
import type { HealthCheck } from '../shared/http/health-routes.ts';
import type { Plugin, Service } from '../shared/http/service.ts';
import type { Logger } from '../shared/logging/logger.ts';
import type { Metrics } from '../shared/metrics/metrics.ts';
import type { RegionControl } from '../shared/ports/region-control.ts';

export interface CompositionInputs {
  readonly options: ProcessOptions;
  readonly cluster: ClusterConfig;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Composition {
  /** In the order in which they start. */
  readonly services: readonly { readonly name: ServiceName; readonly service: Service }[];
  /** Routes that belong to no service, registered before theirs. */
  readonly extraPlugins: Readonly<Record<'public' | 'admin' | 'peer', readonly Plugin[]>>;
  /** Redis and Kafka: listed as degraded, never unready. */
  readonly sharedChecks: () => Promise<readonly HealthCheck[]>;
  readonly regionControl: () => RegionControl;
  /** Takes the sections of a changed cluster file that may change while running. */
  readonly reload: (cluster: ClusterConfig) => void;
  readonly close: () => Promise<void>;
}

export type Compose = (inputs: CompositionInputs) => Promise<Composition>;
