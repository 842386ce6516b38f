// test: light
/** The systemd unit, as systemd itself reads it; and that its command is one the program takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../cli/cli-run.ts';

const repositoryFolder = resolve(import.meta.dirname, '../../..');
const unitFile = join(repositoryFolder, 'infra/systemd/meridian-region@.service');
const unit = readFileSync(unitFile, 'utf8');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const skip = hasSystemd ? false : 'no systemd-analyze here';
const folder = mkdtempSync(join(tmpdir(), 'meridian-unit-'));

after(() => rmSync(folder, { recursive: true, force: true }));

/** What systemd has to say about a unit; it says nothing about a sound one. */
function complaints(text: string): string {
  const file = join(folder, 'meridian-region@.service');
  writeFileSync(file, text);
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  return `${stdout}${stderr}`;
}

test('systemd finds nothing wrong with the unit', { skip }, () => {
  assert.equal(complaints(unit), '');
});

test('it would find a wrong key and a wrong value', { skip }, () => {
  assert.match(complaints(unit.replace('Restart=', 'Restrat=')), /Unknown key/);
  assert.match(complaints(unit.replace('KillMode=mixed', 'KillMode=mexed')), /kill mode/);
});

/** Every assignment of a section, by key. */
function assignments(): Map<string, string> {
  const lines = unit.split('\n').filter((line) => /^[A-Z]\w+=/.test(line));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf('=')),
      line.slice(line.indexOf('=') + 1).replaceAll('%i', 'eu-west'),
    ]),
  );
}

test('the unit starts the node agent, without privileges, and gives it time to stop', () => {
  const keys = assignments();
  assert.equal(keys.get('User'), 'meridian');
  assert.equal(keys.get('NoNewPrivileges'), 'yes');
  assert.equal(keys.get('KillMode'), 'mixed');
  assert.ok(Number(keys.get('TimeoutStopSec')) >= 60);
});

test('its command is read by the program as it stands: only its files are missing', async () => {
  const [env, node, entry, ...args] = (assignments().get('ExecStart') ?? '').split(' ');
  assert.deepEqual([env, node, entry], ['/usr/bin/env', 'node', 'services/cli/meridian.mjs']);
  const moved = args.map((arg) => arg.replace(/^\/(etc|var\/lib)\//, `${folder}/`));
  const { code, err } = await runCli(moved, {});
  assert.equal(code, 1);
  assert.match(err, /meridian\.yaml cannot be read/);
});
