import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { laneOf } from '../../../../../services/failover/core/controller-effect.ts';
import {
  roleTransitions,
  transitionOf,
} from '../../../../../services/failover/core/role-transitions.ts';
import { roles, type Role } from '../../../../../shared/core/cluster-view.ts';

describe('role transitions', () => {
  it('every role is left and every role but none is entered', () => {
    const left = new Set(roleTransitions.map((row) => row.from));
    const entered = new Set(roleTransitions.map((row) => row.to));
    for (const role of roles) {
      assert.ok(left.has(role), `${role} is never left`);
      assert.ok(entered.has(role), `${role} is never entered`);
    }
  });

  it('a role and an occurrence lead to one role', () => {
    const keys = roleTransitions.map((row) => `${row.from} ${row.on}`);
    assert.equal(new Set(keys).size, keys.length);
  });

  it('no way leads to primary but from promoting and fenced', () => {
    const from = roleTransitions.filter((row) => row.to === 'primary').map((row) => row.from);
    assert.deepEqual(from.toSorted(), ['fenced', 'promoting'] satisfies Role[]);
  });

  it('a primary never becomes a replica without being closed first', () => {
    const to = roleTransitions.filter((row) => row.from === 'primary').map((row) => row.to);
    assert.deepEqual([...new Set(to)].toSorted(), ['draining', 'fenced']);
  });

  it('names effects that exist', () => {
    for (const { effects } of roleTransitions) {
      for (const effect of effects) assert.ok(Object.hasOwn(laneOf, effect));
    }
  });

  it('takes the first row that holds, or stays', () => {
    assert.equal(transitionOf('primary', () => true)?.on, 'failoverRead');
    assert.equal(
      transitionOf('primary', () => false),
      null,
    );
  });
});
