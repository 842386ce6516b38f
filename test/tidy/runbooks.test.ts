import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '../../services/cli/program.ts';
import { checkCall, meridianCalls, readBlocks, type Mark } from './runbooks.ts';
import { readFiles, repositoryFolder } from './source-tree.ts';

const program = createProgram(() => undefined);
const runbooks = readFiles((path) => path.startsWith('infra/runbooks/'));
const blocks = runbooks.flatMap(({ path, text }) => readBlocks(path, text));

test('a block is read with its mark; a word between takes the mark away', () => {
  const mark = '<!-- run by test/a.test.ts: it works -->';
  const block = '```sh\nnpx meridian status\n```';
  const text = `${mark}\n\n${block}\n\n${mark}\n\nA word.\n\n${block}\n`;
  const run = { kind: 'run', file: 'test/a.test.ts', title: 'it works' };
  const commands = ['npx meridian status'];
  assert.deepEqual(readBlocks('x', text), [
    { runbook: 'x', commands, mark: run },
    { runbook: 'x', commands, mark: null },
  ]);
});

test('a verb or an option that the program does not have is found', () => {
  const check = (text: string): readonly string[] =>
    checkCall(program, meridianCalls(text)[0] ?? []).unknown;
  assert.deepEqual(check('npx meridian region up eu-west --config x'), []);
  assert.deepEqual(check('psql "$(npx meridian url eu-west --nodes pg-1)"'), ['--nodes']);
  assert.deepEqual(check('npx meridian reboot'), ['reboot']);
});

test('runbooks: every verb and option is one of the program', () => {
  const calls = blocks.flatMap(({ commands }) => commands.flatMap(meridianCalls));
  assert.ok(calls.length > 15);
  const wrong = calls.filter((words) => checkCall(program, words).unknown.length > 0);
  assert.deepEqual(wrong, []);
});

test('runbooks: every block is run by a test that exists, or says why not', () => {
  const unmarked = blocks.filter(({ mark }) => mark === null);
  assert.deepEqual(
    unmarked.map(({ runbook, commands }) => `${runbook}: ${commands[0] ?? ''}`),
    [],
  );
});

for (const { runbook, commands, mark } of blocks) {
  if (mark?.kind !== 'run') continue;
  test(`${runbook}: ${commands[0] ?? ''}`, () => {
    const text = textOf(mark);
    for (const command of commands.filter((line) => line !== '' && !line.startsWith('#'))) {
      const calls = meridianCalls(command);
      assert.notEqual(calls.length, 0, `no test can tell whether it runs: ${command}`);
      for (const { verb, options } of calls.map((words) => checkCall(program, words))) {
        for (const word of verb) {
          assert.match(text, new RegExp(`\\b${word}\\b`), `${mark.file} uses no ${word}`);
        }
        for (const option of options) {
          assert.ok(text.includes(`'${option}'`), `${mark.file} uses no ${option}`);
        }
      }
    }
  });
}

/** The test file with the helpers that it imports; asserts that it has the test. */
function textOf({ file, title }: Extract<Mark, { kind: 'run' }>): string {
  const path = join(repositoryFolder, file);
  assert.ok(existsSync(path), `${file} does not exist`);
  const own = readFileSync(path, 'utf8');
  assert.ok(own.includes(`test('${title}'`), `${file} has no test '${title}'`);
  const imported = [...own.matchAll(/from '(\.[^']+)'/g)].map(([, target]) =>
    resolve(dirname(path), target ?? ''),
  );
  const helpers = imported.filter((target) => target.startsWith(join(repositoryFolder, 'test/')));
  return [own, ...helpers.map((helper) => readFileSync(helper, 'utf8'))].join('\n');
}
