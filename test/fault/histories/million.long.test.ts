// test: alone deadline 600 s
/** A million checked session reads, with ten rounds of disturbances. */
import { after, before } from 'node:test';
import { TestCluster } from '../../helpers/cluster.ts';
import { testHistories } from './checked-histories.ts';

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.start();
});

after(async () => {
  await cluster?.remove();
});

testHistories(() => cluster, { reads: 1_000_000, isRepeated: true });
