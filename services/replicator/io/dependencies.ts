/** What the replicator is given by the composition root. */
import type { ReplicatorConfig } from '../config.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Metrics } from '../../../shared/metrics/metrics.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataLog } from '../../../shared/ports/data-log.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';

export interface ReplicatorDependencies {
  readonly config: ReplicatorConfig;
  readonly secrets: Secrets;
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly regionControl: RegionControl;
  readonly dataLog: DataLog;
}
