import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  endProcess,
  identityOf,
  isAlive,
  readPidFile,
  writePidFile,
} from '../../../../../services/local/process/process-identity.ts';

test('a process is itself; one with its number and another start time is not', () => {
  const own = identityOf(process.pid);
  assert.ok(own !== null);
  assert.equal(isAlive(own), true);
  assert.equal(isAlive({ ...own, startTicks: '1' }), false);
});

test('a pid file names nobody once it is stale, broken or missing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-pid-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'x.pid');
  assert.equal(readPidFile(file), null);
  writeFileSync(file, '{"pid":');
  assert.equal(readPidFile(file), null);
  writePidFile(file, { pid: process.pid, startTicks: '1' });
  assert.equal(readPidFile(file), null);
  const own = identityOf(process.pid);
  assert.ok(own !== null);
  writePidFile(file, own);
  assert.deepEqual(readPidFile(file), own);
});

test('a process that ignores its signal is killed after the bound', async () => {
  const child = spawn('/bin/sh', ['-c', "trap '' TERM; echo on; while :; do sleep 0.05; done"]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const identity = identityOf(child.pid ?? 0);
  assert.ok(identity !== null);
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  await endProcess(identity, 'SIGTERM', 100);
  assert.equal(await ended, 'SIGKILL');
});
