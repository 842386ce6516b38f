/** Gives retention the parts of this service. */
import { regionOfConfig } from '../../../../shared/config/cluster-schema.ts';
import type { ReplicatorDependencies } from '../dependencies.ts';
import { nodeTarget } from '../node-target.ts';
import { Retention, type RetentionOptions } from './retention.ts';

export function retentionOf(
  deps: ReplicatorDependencies,
  parts: Pick<RetentionOptions, 'ownLog' | 'report' | 'peers' | 'onWarnings'>,
): Retention {
  const { region, config, clock, logger, metrics, regionControl, cluster } = deps;
  const view = (): ReturnType<typeof regionControl.view> => regionControl.view();
  const { nodes } = regionOfConfig(cluster, region);
  return new Retention({
    ...{ region, config, clock, logger, metrics, view },
    ...parts,
    node: () => nodeTarget(deps, view().node, 'meridian_applier'),
    standbys: () =>
      nodes
        .filter(({ id }) => id !== view().node)
        .map(({ id }) => ({ id, target: nodeTarget(deps, id, 'meridian_applier') })),
  });
}
