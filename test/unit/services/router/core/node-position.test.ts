import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isOpenFor,
  isPrimaryNode,
  positionOfLook,
  type NodeLook,
} from '../../../../../services/router/core/node-position.ts';
import type { ClusterView } from '../../../../../shared/core/cluster-view.ts';
import { parseLsn } from '../../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../../shared/core/node.ts';
import { formatPosition, parsePosition } from '../../../../../shared/core/position.ts';
import { routerView } from '../../../../helpers/router-view.ts';

const look: NodeLook = {
  isInRecovery: true,
  walLsn: parseLsn('0/99'),
  progress: parsePosition('1:0/10'),
  openEpoch: 1,
  sealedEpoch: 0,
  snapshot: '1:1:',
};

const rows: [string, Partial<NodeLook>, Partial<ClusterView>, string | null][] = [
  ['WAL counts in the open primary region', {}, {}, '1:0/99 wal'],
  ['the progress row counts in a replica region', {}, { role: 'replica', isOpen: false }, '1:0/10'],
  ['and while the primary is closed', {}, { isOpen: false }, '1:0/10'],
  ['a standby without the opening', { progress: parsePosition('0:0/5') }, {}, '0:0/5'],
  ['a node without progress', { progress: null }, {}, null],
];

for (const [name, change, view, expected] of rows) {
  test(name, () => {
    const at = positionOfLook({ ...look, ...change }, routerView(view));
    const shown = at && `${formatPosition(at.position)}${at.isWal ? ' wal' : ''}`;
    assert.equal(shown, expected);
  });
}

const openRows: [string, Partial<NodeLook>, boolean][] = [
  ['open for the epoch', {}, true],
  ['closed', { openEpoch: null }, false],
  ['open for another epoch', { openEpoch: 2 }, false],
  ['sealed for the next epoch', { sealedEpoch: 2 }, false],
  ['in recovery', { isInRecovery: true }, false],
];
for (const [name, change, expected] of openRows) {
  test(name, () => {
    const node = { ...look, isInRecovery: false, ...change };
    assert.equal(isOpenFor(node, routerView()), expected);
  });
}

test('the primary node is the node of the primary region', () => {
  const node = 'eu-west/pg-1' as NodeId;
  assert.equal(isPrimaryNode(node, routerView()), true);
  assert.equal(isPrimaryNode('eu-west/pg-2' as NodeId, routerView()), false);
  const primary = 'us-east' as ClusterView['primary'];
  assert.equal(isPrimaryNode(node, routerView({ primary })), false);
});
