/** Children of the agent: restarted with back-off, stopped for certain, never taken for others. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  ManagedProcess,
  type ProcessSpec,
} from '../../../services/local/process/managed-process.ts';
import {
  identityOf,
  isAlive,
  writePidFile,
} from '../../../services/local/process/process-identity.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { eventually } from '../../helpers/eventually.ts';

const sleeper = { program: '/bin/sleep', args: ['600'] };

function managed(t: TestContext, spec: Partial<ProcessSpec> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-process-'));
  const pidFile = join(folder, 'x.pid');
  const logFile = join(folder, 'x.log');
  const child = new ManagedProcess({
    ...{ name: 'x', logFile, pidFile, stopSignal: 'SIGTERM', stopBoundMs: 500 },
    deathSignal: 'SIGKILL',
    logger: createLogger({ service: 'test', region: 'test', level: 'silent' }),
    prepare: () =>
      Promise.resolve({
        ...{ ...sleeper, env: {}, folder, runAs: null, addresses: [] },
        isAnswering: () => Promise.resolve(true),
        ...spec,
      }),
  });
  t.after(async () => {
    await child.stop();
    rmSync(folder, { recursive: true });
  });
  return { child, pidFile, logFile, folder };
}

async function untilRunning(child: ManagedProcess, not: number | null = null): Promise<number> {
  return eventually(() => {
    const { phase, pid } = child.state();
    return phase === 'running' && pid !== not ? pid : null;
  });
}

test('a child that dies comes back, and the restart is counted and explained', async (t) => {
  const { child } = managed(t);
  child.start();
  const first = await untilRunning(child);
  process.kill(first, 'SIGKILL');
  await eventually(() => child.state().phase === 'failed');
  assert.match(child.state().problem ?? '', /^ended with SIGKILL/);
  const second = await untilRunning(child, first);
  assert.notEqual(second, first);
  assert.equal(child.state().restarts, 1);
  assert.equal(child.state().problem, null);
});

test('a child that cannot live says why, in the words of its log', async (t) => {
  const args = ['-c', 'echo starting; echo "FATAL: no room"; echo bye; exit 3'];
  const { child } = managed(t, { program: '/bin/sh', args, isAnswering: async () => false });
  child.start();
  await eventually(() => child.state().restarts >= 2);
  assert.equal(child.state().problem, 'ended with exit code 3: FATAL: no room');
  await child.stop();
  assert.equal(child.state().phase, 'stopped');
});

test('stop leaves nothing, not even a child that ignores the signal', async (t) => {
  const args = ['-c', "trap '' TERM; while :; do sleep 0.05; done"];
  const { child } = managed(t, { program: '/bin/sh', args });
  child.start();
  const pid = await untilRunning(child);
  await child.stop();
  assert.equal(identityOf(pid), null);
});

test('a port in use is named with its holder; once it is free, the start follows', async (t) => {
  const server = createServer();
  const host = '127.93.4.5';
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { child } = managed(t, { addresses: [{ host, port: address.port }] });
  child.start();
  await eventually(() => child.state().phase === 'failed');
  assert.match(child.state().problem ?? '', /^127\.93\.4\.5:\d+ is in use by process \d+ \(/);
  assert.equal(child.state().pid, null);
  server.close();
  await untilRunning(child);
});

test('what an earlier agent left is ended first; a stranger with its number is not', async (t) => {
  const leftover = spawn(sleeper.program, sleeper.args);
  const stranger = spawn(sleeper.program, sleeper.args);
  t.after(() => stranger.kill());
  const [left, other] = [identityOf(leftover.pid ?? 0), identityOf(stranger.pid ?? 0)];
  assert.ok(left !== null && other !== null);

  const first = managed(t);
  writePidFile(first.pidFile, left);
  first.child.start();
  await untilRunning(first.child);
  assert.equal(isAlive(left), false);

  const second = managed(t);
  writePidFile(second.pidFile, { ...other, startTicks: '1' });
  second.child.start();
  await untilRunning(second.child);
  assert.equal(isAlive(other), true);
});

test('children die with their agent, however it dies', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const from = (path: string): string =>
    JSON.stringify(join(import.meta.dirname, '../../../', path));
  const script = `
    import { ManagedProcess } from ${from('services/local/process/managed-process.ts')};
    import { createLogger } from ${from('shared/logging/logger.ts')};
    const folder = ${JSON.stringify(folder)};
    new ManagedProcess({
      name: 'x', logFile: folder + '/x.log', pidFile: folder + '/x.pid', stopSignal: 'SIGTERM',
      stopBoundMs: 500, deathSignal: 'SIGKILL',
      logger: createLogger({ service: 't', region: 't', level: 'silent' }),
      prepare: async () => ({ program: '/bin/sleep', args: ['600'], env: {}, folder, runAs: null,
        addresses: [], isAnswering: async () => true }),
    }).start();
    setInterval(() => undefined, 1000);`;
  const file = join(folder, 'agent.ts');
  writeFileSync(file, script);
  const agent = spawn(process.execPath, [file], { stdio: 'ignore' });
  const identity = await eventually(() => {
    try {
      return JSON.parse(readFileSync(join(folder, 'x.pid'), 'utf8')) as {
        pid: number;
        startTicks: string;
      };
    } catch {
      return null;
    }
  });
  // The program behind the number is the child once setpriv has become it.
  await eventually(() => readFileSync(`/proc/${String(identity.pid)}/comm`, 'utf8') === 'sleep\n');
  agent.kill('SIGKILL');
  await eventually(() => !isAlive(identity));
});
