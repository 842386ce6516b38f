import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decideAccess,
  type AccessDecision,
  type AccessRequest,
} from '../../../../../services/router/core/access-decision.ts';
import type { ClusterView } from '../../../../../shared/core/cluster-view.ts';
import { parsePosition } from '../../../../../shared/core/position.ts';
import { routerView } from '../../../../helpers/router-view.ts';

const position = (text: string) => parsePosition(text);
const read: AccessRequest = {
  mayWrite: false,
  level: 'session',
  token: null,
  readAfterWrite: 'caught-up',
  isForwarded: false,
  isBeyondReplicas: false,
};
const replica: Partial<ClusterView> = { role: 'replica', isOpen: false };
const elsewhere = { primary: 'us-east' as ClusterView['primary'] };
const cutBelow = {
  epoch: 3 as ClusterView['epoch'],
  history: [
    { epoch: 2, cut: position('1:0/50') },
    { epoch: 3, cut: position('2:0/10') },
  ] as unknown as ClusterView['history'],
};

const rows: [string, Partial<AccessRequest>, Partial<ClusterView>, number, string][] = [
  ['a write on the open primary', { mayWrite: true }, {}, 1000, 'primary'],
  ['a strong read on the open primary', { level: 'strong' }, {}, 1000, 'primary'],
  ['a write without a lease', { mayWrite: true }, {}, 0, 'hold'],
  ['a write on a closed node', { mayWrite: true }, { isOpen: false }, 1000, 'hold'],
  ['a write elsewhere', { mayWrite: true }, { ...replica, ...elsewhere }, 0, 'forward'],
  [
    'a forwarded write that is not for here',
    { mayWrite: true, isForwarded: true },
    { ...replica, ...elsewhere },
    0,
    'hold',
  ],
  ['a write before any primary', { mayWrite: true }, { primary: null, role: 'joining' }, 0, 'hold'],
  ['a write before the hello is read back', { mayWrite: true }, { isReady: false }, 1000, 'hold'],
  [
    'a write while the primary changes',
    { mayWrite: true },
    { prepare: { epoch: 2 as ClusterView['epoch'], change: 'switchover', preferred: null } },
    1000,
    'hold',
  ],
  [
    'a strong read after a restart, before members confirm',
    { level: 'strong' },
    { strongReadsFrom: position('1:0/10') },
    1000,
    'hold',
  ],
  [
    'a write after a restart need not wait for that',
    { mayWrite: true, level: 'strong' },
    { strongReadsFrom: position('1:0/10') },
    1000,
    'primary',
  ],
  ['an eventual read', { level: 'eventual' }, {}, 1000, 'replica'],
  ['a session read without a token', {}, replica, 0, 'replica'],
  ['a session read with a token', { token: position('1:0/10') }, replica, 0, 'replica'],
  [
    'a session read with a token, readAfterWrite primary',
    { token: position('1:0/10'), readAfterWrite: 'primary' },
    { ...replica, ...elsewhere },
    0,
    'forward',
  ],
  [
    'a read that no node of the region can serve',
    { isBeyondReplicas: true },
    { ...replica, ...elsewhere },
    0,
    'forward',
  ],
  [
    'a read in a fenced region',
    { level: 'eventual' },
    { role: 'fenced', ...elsewhere },
    0,
    'forward',
  ],
  ['a token beyond the newest cut', { token: position('2:0/11') }, cutBelow, 1000, 'lost'],
  ['a token beyond an older cut', { token: position('1:0/51') }, cutBelow, 1000, 'lost'],
  ['a token at both cuts', { token: position('1:0/50') }, cutBelow, 1000, 'replica'],
  ['a write with a lost token', { mayWrite: true, token: position('1:0/51') }, cutBelow, 9, 'lost'],
  [
    'a token of an epoch not folded here: the own primary knows whether it has begun',
    { mayWrite: true, token: position('2:0/1') },
    {},
    1000,
    'primary',
  ],
];

for (const [name, request, view, leaseLeftMs, kind] of rows) {
  test(name, () => {
    const decision: AccessDecision = decideAccess(
      { ...read, ...request },
      routerView(view),
      leaseLeftMs,
    );
    assert.equal(decision.kind, kind, decision.why);
    assert.ok(decision.why.length > 0);
  });
}
