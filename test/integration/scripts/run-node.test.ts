// test: light
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

const repositoryFolder = join(import.meta.dirname, '../../..');
const program = join(repositoryFolder, 'infra/scripts/run-node.mjs');
const entry = join(repositoryFolder, 'test/fixtures/scripts/ends-as-told.ts');

test('the exit code is that of the program', async () => {
  const child = spawn(process.execPath, [program, entry, '5']);
  assert.deepEqual(await once(child, 'exit'), [5, null]);
});

for (const [signal, exitCode] of [
  ['SIGTERM', 7],
  ['SIGINT', 8],
] as const) {
  test(`${signal} reaches the program, which runs on Node 24`, async () => {
    // Without a terminal of its own: nobody else sends the signal to the child.
    const child = spawn(process.execPath, [program, entry], { detached: true });
    const [version] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(version.toString(), /^v24\./);
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [exitCode, null]);
  });
}
