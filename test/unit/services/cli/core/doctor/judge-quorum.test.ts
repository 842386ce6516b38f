import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeQuorum } from '../../../../../../services/cli/core/doctor/judge-quorum.ts';

const expected = ['eu-west', 'us-east', 'third'].map((id, index) => ({ id, nodeId: index + 1 }));
const voter = (nodeId: number, logEnd = 5000n) => ({ nodeId, logEnd });

test('the quorum of the cluster file is named with its leader', () => {
  const facts = { leaderId: 2, voters: [voter(1), voter(2), voter(3, 4990n)] };
  const [finding, ...more] = judgeQuorum(facts, expected);
  assert.deepEqual([finding?.level, more.length], ['ok', 0]);
  assert.match(finding?.found ?? '', /eu-west, us-east, third; us-east leads/);
});

test('a voter without a vote, one of nobody and one that is behind are named', () => {
  const facts = { leaderId: 1, voters: [voter(1), voter(2, 100n), voter(9)] };
  const found = judgeQuorum(facts, expected).map(({ level, found: text }) => `${level}: ${text}`);
  assert.deepEqual(found, [
    'failed: third has no vote',
    'warning: node 9 still votes',
    'warning: us-east is behind',
  ]);
});
