import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseNodeId,
  physicalSlotOf,
  regionOf,
  type NodeId,
} from '../../../../shared/core/node.ts';

const rows: readonly { name: string; text: string; isNode: boolean }[] = [
  { name: 'the first node', text: 'eu-west/pg-1', isNode: true },
  { name: 'three digits', text: 'eu-west/pg-999', isNode: true },
  { name: 'four digits', text: 'eu-west/pg-1000', isNode: false },
  { name: 'number zero', text: 'eu-west/pg-0', isNode: false },
  { name: 'a leading zero', text: 'eu-west/pg-01', isNode: false },
  { name: 'no region', text: '/pg-1', isNode: false },
  { name: 'no node', text: 'eu-west', isNode: false },
  { name: 'one part too many', text: 'eu-west/pg-1/x', isNode: false },
  { name: 'another kind', text: 'eu-west/redis-1', isNode: false },
  { name: 'a name that is no region', text: 'EU/pg-1', isNode: false },
  { name: 'empty', text: '', isNode: false },
];

for (const { name, text, isNode } of rows) {
  test(`node: ${name}`, () => {
    assert.equal(parseNodeId(text), isNode ? text : null);
  });
}

test('a node belongs to the region before the slash', () => {
  assert.equal(regionOf('us-east-2/pg-3' as NodeId), 'us-east-2');
});

test('the slot of a standby has only letters that PostgreSQL allows in slot names', () => {
  assert.equal(physicalSlotOf('us-east-2/pg-3' as NodeId), 'meridian_us_east_2_pg_3');
});
