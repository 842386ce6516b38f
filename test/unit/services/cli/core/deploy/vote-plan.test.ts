import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nextVoteStep,
  planGive,
  type VoteFacts,
  type VotingNode,
} from '../../../../../../services/cli/core/deploy/vote-plan.ts';

const region = (id: string, isVoter: boolean) => ({ id, kafka: { isVoter } });
const places = { regions: [region('a', true), region('b', true), region('d', false)] };

test('the file in which a region has the vote of another', () => {
  assert.deepEqual(planGive(places, 'b', 'd'), {
    kind: 'plan',
    changes: [
      [['regions', 1, 'kafka', 'isVoter'], false],
      [['regions', 2, 'kafka', 'isVoter'], true],
      [['regions', 2, 'kafka', 'joinsLater'], true],
    ],
  });
});

const refusals: readonly (readonly [string, string, RegExp])[] = [
  ['x', 'd', /no region x/],
  ['a', 'x', /no region x/],
  ['d', 'd', /d has no vote/],
  ['a', 'b', /b has a vote already/],
];
for (const [from, to, why] of refusals) {
  test(`no vote goes from ${from} to ${to}`, () => {
    const plan = planGive(places, from, to);
    assert.match(plan.kind === 'refused' ? plan.why : '', why);
  });
}

const node = (nodeId: number, behindMs = 0): VotingNode => ({
  ...{ nodeId, directoryId: `directory-${nodeId}`, behindMs },
});
const move = { from: 3, to: 4 };
const before: VoteFacts = {
  voters: [node(1), node(2), node(3)],
  observers: [node(4)],
  replicas: [1, 2, 3],
  inSync: [1, 2, 3],
};
const added = { ...before, voters: [node(1), node(2), node(3), node(4)], observers: [] };
const copied = { ...added, replicas: [1, 2, 4], inSync: [1, 2, 4] };
const name = (nodeId: number): string => `region-${nodeId}`;

const rows: readonly { name: string; facts: VoteFacts; step: object }[] = [
  { name: 'first the new voter', facts: before, step: { kind: 'add-voter', node: node(4) } },
  {
    name: 'whose node must be there',
    facts: { ...before, observers: [] },
    step: { kind: 'wait', why: 'the Kafka node of region-4' },
  },
  {
    name: 'and follow',
    facts: { ...before, observers: [node(4, 60_000)] },
    step: { kind: 'wait', why: 'the Kafka node of region-4' },
  },
  { name: 'then the copy', facts: added, step: { kind: 'move-copy', replicas: [1, 2, 4] } },
  {
    name: 'while the copy is made',
    facts: { ...added, replicas: [1, 2, 4, 3] },
    step: { kind: 'wait', why: "the control log's copy" },
  },
  {
    name: 'until it is in step',
    facts: { ...copied, inSync: [1, 2] },
    step: { kind: 'wait', why: "the control log's copies to be in step" },
  },
  {
    name: 'then the old voter',
    facts: copied,
    step: { kind: 'remove-voter', node: node(3) },
  },
  {
    name: 'one that held no copy gives its vote alone',
    facts: { ...added, replicas: [1, 2], inSync: [1, 2] },
    step: { kind: 'remove-voter', node: node(3) },
  },
  {
    name: 'that is all',
    facts: { ...copied, voters: [node(1), node(2), node(4)] },
    step: { kind: 'done' },
  },
  {
    name: 'the old voter may be lost for good',
    facts: { ...before, voters: [node(1), node(2), node(3, 1e9)], inSync: [1, 2] },
    step: { kind: 'add-voter', node: node(4) },
  },
];
for (const { name: title, facts, step } of rows) {
  test(title, () => assert.deepEqual(nextVoteStep(facts, move, name), step));
}

test('nothing is begun or ended while another voter is silent', () => {
  for (const facts of [before, added, copied]) {
    const voters = facts.voters.map((one) => (one.nodeId === 2 ? node(2, 6000) : one));
    const step = nextVoteStep({ ...facts, voters }, move, name);
    assert.ok(step.kind === 'refuse');
    assert.match(step.why, /^region-2 does not follow/);
  }
});
