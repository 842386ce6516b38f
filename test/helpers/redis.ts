/** A real Redis server for tests, on an address of its own, to be killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { findRedisServer } from '../../infra/scripts/parts.mjs';
import { connectRedis, type RedisTarget } from '../../shared/redis/client.ts';
import { eventually } from './eventually.ts';

export interface TestRedis {
  readonly target: RedisTarget;
  kill(): Promise<void>;
  /** After `kill`; nothing is kept. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Started and answering. */
export async function startTestRedis(host: string, port = 6379): Promise<TestRedis> {
  const target = { host, port, password: 'test-password-of-redis' };
  const binary = findRedisServer();
  if (binary === undefined) throw new Error('redis-server is not installed');
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const settings = ['--bind', host, '--port', String(port), '--requirepass', target.password];
    const off = ['--save', '', '--appendonly', 'no', '--protected-mode', 'yes'];
    child = spawn(binary, [...settings, ...off], { stdio: 'ignore' });
    const client = connectRedis(target);
    await eventually(() =>
      client.ping().then(
        () => true,
        () => false,
      ),
    );
    client.disconnect();
  };
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    target,
    kill,
    start,
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    stop: kill,
  };
}
