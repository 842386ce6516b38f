// test: alone deadline 900 s
/** Every row of the fault matrix, each on a cluster of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestCluster } from '../helpers/cluster.ts';
import { runScenario } from './run/run-scenario.ts';
import { allScenarios } from './scenarios/all.ts';
import { allWorkloads } from './workloads/all.ts';

const wanted = process.env['MERIDIAN_FAULT_ROWS']?.split(',') ?? [];
const seed = Number(process.env['MERIDIAN_FAULT_SEED'] ?? 1);

for (const scenario of allScenarios) {
  const isWanted = wanted.length === 0 || wanted.includes(scenario.id);
  if (!isWanted) continue;
  test(`${scenario.id}: ${scenario.title}`, async () => {
    const cluster = await TestCluster.start({ isWan: true });
    try {
      const verdict = await runScenario(scenario, { cluster, workloads: allWorkloads, seed });
      const { promotions, confirmed, unknown, writePauseMs, violations } = verdict;
      console.log(
        `${scenario.id}: ${promotions} promotions, ${confirmed} answered, ${unknown} unknown, ` +
          `longest pause ${Math.round(writePauseMs)} ms, ${violations.length} violations`,
      );
      assert.deepEqual(violations.slice(0, 20), [], verdict.journalFile);
    } finally {
      await cluster.remove();
    }
  });
}
