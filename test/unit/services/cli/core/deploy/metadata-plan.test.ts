import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  planMetadata,
  type KafkaNode,
  type MetadataPlan,
} from '../../../../../../services/cli/core/deploy/metadata-plan.ts';

const node = (id: string, newest: number, inForce: number): KafkaNode => ({
  ...{ id, version: { newest, inForce } },
});
const silent: KafkaNode = { id: 'witness', version: null };
const eu = node('eu-west', 27, 25);

const cases: readonly (readonly [string, readonly KafkaNode[], MetadataPlan])[] = [
  [
    'every node is new: it is raised',
    [eu, node('us-east', 27, 25)],
    { kind: 'raise', from: 25, to: 27 },
  ],
  [
    'one has not heard of the last raise yet: the same again',
    [node('eu-west', 27, 27), node('us-east', 27, 25)],
    { kind: 'raise', from: 25, to: 27 },
  ],
  ['it is raised already', [node('eu-west', 27, 27)], { kind: 'done', level: 27 }],
  [
    'one is older',
    [eu, node('us-east', 25, 25)],
    { kind: 'refuse', why: 'us-east has an older Kafka than the others' },
  ],
  [
    'one is away',
    [eu, silent],
    { kind: 'refuse', why: 'the Kafka node of witness does not answer' },
  ],
  ['all are away', [silent], { kind: 'refuse', why: 'the Kafka node of witness does not answer' }],
];

for (const [name, nodes, expected] of cases) {
  test(name, () => assert.deepEqual(planMetadata(nodes), expected));
}
