/** What is told of the disks of the region's nodes before they are full. */
import type { NodeState } from '../../../../shared/core/node-state.ts';

/** The share of a disk from which on it is told. */
const warnedShare = 0.8;

export function diskAlarms(nodes: readonly Pick<NodeState, 'id' | 'disk'>[]): readonly string[] {
  return nodes.flatMap(({ id, disk }) => {
    if (disk === undefined || disk === null || disk.totalBytes <= 0) return [];
    const used = 1 - disk.freeBytes / disk.totalBytes;
    if (used < warnedShare) return [];
    const [percent, left] = [Math.floor(used * 100), Math.floor(disk.freeBytes / 1024 / 1024)];
    return [`the disk of ${id} is ${percent} % full, ${left} MB are left: make room`];
  });
}
