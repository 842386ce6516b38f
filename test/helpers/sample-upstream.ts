/** Sample upstreams as processes of their own, to be killed, frozen and slowed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../../services/local/sample-upstream.ts');

export interface SampleUpstream {
  readonly origin: string;
  readonly child: ChildProcess;
  /** SIGSTOP: sockets stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
}

/** Started and listening. */
export async function startSampleUpstream(
  host: string,
  port: number,
  region = 'nowhere',
): Promise<SampleUpstream> {
  const child = spawn(
    process.execPath,
    [program, '--host', host, '--port', String(port), '--region', region],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the sample upstream has ended');
    }),
  ])) as [Buffer];
  if (!line.includes('listening')) throw new Error(String(line));
  return {
    origin: `http://${host}:${String(port)}`,
    child,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
