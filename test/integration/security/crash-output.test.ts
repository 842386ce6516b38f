/** What processes print at their end holds no secret, whatever the error carries that ends them. */
// test: light
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import type { RegionContext } from '../../../services/local/region-context.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';
import { secretsOf } from './secret-traces.ts';

const services = resolve(import.meta.dirname, '../../../services');
/** Ends the process by an error as drivers make them, with all secrets in it. */
const plant = `process.on('SIGUSR2', () => {
  const secret = process.env.PLANTED;
  const at = { command: { name: 'auth', args: [secret] }, detail: secret, config: { secret } };
  const cause = Object.assign(new Error('of the driver'), at);
  const errors = new AggregateError([Object.assign(new Error('in part'), at)], 'in parts');
  throw Object.assign(new Error('planted', { cause }), at, { errors, parts: errors });
})`;
let files: LocalFiles;
let context: RegionContext;

before(async () => {
  files = await makeLocalFiles(['west']);
  context = await files.context('west');
});

after(() => files.remove());

/** Starts `args`, ends it by the planted error once it has said something; what it said. */
async function outputOf(args: readonly string[]): Promise<string> {
  const secrets = secretsOf(context.secrets);
  const load = `data:text/javascript,${encodeURIComponent(plant)}`;
  const child = spawn(process.execPath, ['--import', load, ...args], {
    cwd: files.stateFolder,
    env: { ...process.env, PLANTED: [...secrets.values()].join(' '), FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  try {
    await eventually(() => text.length > 0 || child.exitCode !== null, { deadlineMs: 60_000 });
    child.kill('SIGUSR2');
    assert.deepEqual(await ended, [1, null], text);
  } finally {
    child.kill('SIGKILL');
  }
  assert.match(text, /planted/);
  for (const [name, secret] of secrets)
    if (secret !== '') assert.ok(!text.includes(secret), `${name} is in ${text}`);
  const left = readdirSync(files.stateFolder).filter((file) => /core|report|heap/.test(file));
  assert.deepEqual(left, []);
  return text;
}

test('a Meridian process', async () => {
  const { secretsFile, hostsJsonFile } = context.paths;
  const told = ['--config', context.clusterFile, '--secrets', secretsFile, '--region', 'west'];
  const hosts = ['--hosts-file', hostsJsonFile];
  const text = await outputOf([join(services, 'main.ts'), ...told, ...hosts]);
  assert.match(text, /unexpected error/);
  assert.match(text, /of the driver/, 'causes are there');
});

test('a node agent', async () => {
  const files_ = ['--config', context.clusterFile, '--data', files.stateFolder];
  const up = ['region', 'up', 'west', '--only', 'postgres', ...files_];
  const text = await outputOf([join(services, 'cli/main.ts'), ...up]);
  assert.match(text, /unexpected error/);
});
