/** A view of region eu-west, open as primary of epoch 1, for tests of router decisions. */
import type { ClusterView } from '../../shared/core/cluster-view.ts';
import { parseNodeId } from '../../shared/core/node.ts';
import { parseRegionId } from '../../shared/core/region.ts';

export function routerView(change: Partial<ClusterView> = {}): ClusterView {
  const region = parseRegionId('eu-west');
  if (region === null) throw new RangeError('eu-west');
  return {
    version: 1,
    clusterId: 'c',
    cell: 'main',
    region,
    role: 'primary',
    why: 'test',
    isReady: true,
    incarnation: 'i',
    epoch: 1 as ClusterView['epoch'],
    primary: region,
    members: [],
    k: 1,
    policyK: 1,
    history: [],
    prepare: null,
    revoked: [],
    node: parseNodeId('eu-west/pg-1'),
    isOpen: true,
    leaseValidUntilMs: 1000,
    strongReadsFrom: null,
    replication: { kind: 'idle', why: 'test' },
    reports: [],
    ...change,
  };
}
