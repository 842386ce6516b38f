/** Identity of a PostgreSQL instance: `<region>/pg-<n>`. */
import { isRegionId, type RegionId } from './region.ts';

declare const nodeBrand: unique symbol;
export type NodeId = string & { readonly [nodeBrand]: true };

/** `text` as a NodeId, or null when it does not read `<region>/pg-<n>`. */
export function parseNodeId(text: string): NodeId | null {
  const [region, name, ...rest] = text.split('/');
  if (region === undefined || name === undefined || rest.length > 0) return null;
  return isRegionId(region) && /^pg-[1-9][0-9]{0,2}$/.test(name) ? (text as NodeId) : null;
}

/** The region a node belongs to. */
export function regionOf(node: NodeId): RegionId {
  return node.slice(0, node.indexOf('/')) as RegionId;
}

/** Name of the physical replication slot that a standby uses: dashes become underscores. */
export function physicalSlotOf(node: NodeId): string {
  return `meridian_${node.replaceAll(/[-/]/g, '_')}`;
}
