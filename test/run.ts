/**
 * The test run behind `npm test`, `npm run check` and `npm run test:*`:
 *
 *   test/run.ts [stage…] [--long] [part of a test file's path…]
 *
 * Without a stage it runs all of them. Its last line is `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { type Outcome, joinOutcomes, nothingRun } from './helpers/runner/outcome.ts';
import { runJob } from './helpers/runner/run-job.ts';
import { endRunningPrograms } from './helpers/runner/run-program.ts';
import {
  type Selection,
  type Stage,
  allStages,
  isStageName,
  lanes,
  planStage,
} from './helpers/runner/stages.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endRunningPrograms();
    process.exit(130);
  });
}
process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { long: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const named = positionals.filter(isStageName);
  const filters = positionals.filter((word) => !isStageName(word));
  const selection: Selection = { isLong: values.long, filters };
  const outcomes: Outcome[] = [];
  for (const name of named.length > 0 ? named : allStages) {
    outcomes.push(await runStage(planStage(name, selection), selection));
  }
  const { passed, skipped, failures } = joinOutcomes(outcomes);
  if (skipped > 0) console.log(`\n${skipped} skipped: what they need is not at hand`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 && passed > 0 ? 0 : 1;
}

async function runStage(stage: Stage, selection: Selection): Promise<Outcome> {
  if (stage.jobs.length === 0) {
    console.log(`${stage.name}: no tests yet`);
    return nothingRun;
  }
  console.log(`${stage.name} (budget ${stage.budgetSeconds} s)`);
  const startedMs = performance.now();
  const outcomes: Outcome[] = [];
  const runNext = async (queue: Iterator<Stage['jobs'][number]>): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      outcomes.push(await runShown(() => runJob(next.value, selection), next.value.title));
    }
  };
  for (const [lane, atOnce] of Object.entries(lanes)) {
    const queue = stage.jobs.filter((job) => job.lane === lane).values();
    await Promise.all(Array.from({ length: atOnce }, () => runNext(queue)));
  }
  const outcome = joinOutcomes(outcomes);
  const seconds = secondsSince(startedMs);
  const verdict = Number(seconds) > stage.budgetSeconds ? ', over its budget' : '';
  console.log(`  ${describe(stage.name, outcome)} in ${seconds} s${verdict}`);
  return outcome;
}

async function runShown(run: () => Promise<Outcome>, title: string): Promise<Outcome> {
  const startedMs = performance.now();
  const outcome = await run();
  console.log(`  ${describe(title, outcome)}, ${secondsSince(startedMs)} s`);
  for (const { name, detail } of outcome.failures) {
    console.log(`\n  FAILED ${name}\n${detail.replaceAll(/^/gm, '    ')}\n`);
  }
  return outcome;
}

function describe(title: string, { passed, skipped, failures }: Outcome): string {
  const skippedPart = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${title}: ${passed} passed, ${failures.length} failed${skippedPart}`;
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1000).toFixed(1);
}
