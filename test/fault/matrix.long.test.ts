// test: alone deadline 900 s
/**
 * Every row of the fault matrix, each on a cluster of its own. Where Go is at hand the histories of
 * registers are judged by porcupine too.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPorcupine } from './checkers/porcupine.ts';
import { keepLogs } from './run/kept-logs.ts';
import { TestCluster } from '../helpers/cluster.ts';
import { installClocks, removeClocks } from './run/clocks.ts';
import { runScenario } from './run/run-scenario.ts';
import { allScenarios } from './scenarios/all.ts';
import { allWorkloads } from './workloads/all.ts';

const wanted = process.env['MERIDIAN_FAULT_ROWS']?.split(',') ?? [];
const seed = Number(process.env['MERIDIAN_FAULT_SEED'] ?? 1);

const porcupine = createPorcupine();
after(() => porcupine?.close());

for (const scenario of allScenarios) {
  const isUsual = wanted.length === 0 && scenario.isByNameOnly !== true;
  const isWanted = isUsual || wanted.includes(scenario.id);
  if (!isWanted) continue;
  test(`${scenario.id}: ${scenario.title}`, async () => {
    if (scenario.movesClocks === true) installClocks();
    const cluster = await TestCluster.start({ isWan: true });
    try {
      const verdict = await runScenario(scenario, { cluster, workloads: allWorkloads, seed });
      const { promotions, confirmed, unknown, writePauseMs, violations } = verdict;
      console.log(
        `${scenario.id}: ${promotions} promotions, ${confirmed} answered, ${unknown} unknown, ` +
          `longest pause ${Math.round(writePauseMs)} ms, ${violations.length} violations`,
      );
      assert.deepEqual(violations.slice(0, 20), [], verdict.journalFile);
      const agreed = porcupine?.check(verdict.registers) ?? [];
      assert.ok(!agreed.includes(false), `porcupine: ${verdict.journalFile}`);
    } catch (error) {
      const folder = process.env['MERIDIAN_FAULT_FOLDER'];
      if (folder !== undefined) keepLogs(cluster, join(folder, `${scenario.id}-${seed}-logs`));
      throw error;
    } finally {
      await cluster.remove();
      removeClocks();
    }
  });
}
