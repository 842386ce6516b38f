// test: alone deadline 600 s
/**
 * The rows of the fault matrix that every `npm test` runs, one after the other on one cluster with
 * its WAN, all workloads that have clients together; then 20,000 checked session reads.
 */
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { TestCluster } from '../helpers/cluster.ts';
import { testHistories } from './histories/checked-histories.ts';
import { runScenario } from './run/run-scenario.ts';
import { smokeScenarios } from './scenarios/all.ts';
import { clientWorkloads } from './workloads/all.ts';

const seed = Number(process.env['MERIDIAN_FAULT_SEED'] ?? 1);
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.start({ isWan: true });
});

after(async () => {
  await cluster?.remove();
});

for (const scenario of smokeScenarios) {
  test(`${scenario.id}: ${scenario.title}`, async () => {
    const verdict = await runScenario(scenario, { cluster, workloads: clientWorkloads, seed });
    const { promotions, confirmed, unknown, writePauseMs, violations } = verdict;
    console.log(
      `${scenario.id}: ${promotions} promotions, ${confirmed} answered, ${unknown} unknown, ` +
        `longest pause ${Math.round(writePauseMs)} ms`,
    );
    assert.deepEqual(violations.slice(0, 20), [], verdict.journalFile);
  });
}

testHistories(() => cluster, { reads: 20_000, isRepeated: false });
