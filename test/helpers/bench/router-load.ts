/**
 * Load for bench:router: closed loops in this process for the pool and the core, and wrk, a process
 * of its own, for HTTP; processor time of this process and of PostgreSQL per request.
 */
import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor microseconds per request of this process: router, or the pool's client side. */
  readonly nodeUs: number;
  /** Processor microseconds per request of PostgreSQL. */
  readonly postgresUs: number;
}

export interface LoadOptions {
  readonly clients: number;
  readonly seconds: number;
}

/** `call` in closed loops. */
export async function runLoops(
  call: (id: number) => Promise<unknown>,
  { clients, seconds }: LoadOptions,
): Promise<Measured> {
  const latencies: number[] = [];
  const untilMs = performance.now() + seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const startedMs = performance.now();
      await call(1 + Math.floor(Math.random() * 1000));
      latencies.push(performance.now() - startedMs);
    }
  };
  return measured(async () => {
    await Promise.all(Array.from({ length: clients }, loop));
    const sorted = Float64Array.from(latencies).toSorted();
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
    return { count: latencies.length, p50Ms: at(0.5), p99Ms: at(0.99) };
  });
}

export interface HttpLoad extends LoadOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sql: string;
  /** Where wrk's script is written. */
  readonly folder: string;
}

/** POST of `sql` with one random parameter from 1 to 1000; throws when any reply is no 200. */
export async function runHttp(load: HttpLoad): Promise<Measured> {
  const { url, headers, sql, folder, clients, seconds } = load;
  const lines = Object.entries(headers).map(
    ([name, value]) => `wrk.headers["${name}"] = "${value}"`,
  );
  const body = `'{"sql":"${sql}","params":[' .. math.random(1000) .. ']}'`;
  const request = `request = function() return wrk.format(nil, nil, nil, ${body}) end`;
  const script = join(folder, 'query.lua');
  writeFileSync(script, ['wrk.method = "POST"', ...lines, request, ''].join('\n'));
  const args = ['-t1', `-c${clients}`, `-d${seconds}s`, '--latency', '-s', script, url];
  return measured(async () => {
    const { stdout } = await promisify(execFile)('wrk', args);
    if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
    return {
      count: Number(/(\d+) requests in/.exec(stdout)?.[1]),
      p50Ms: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
      p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    };
  });
}

async function measured(
  run: () => Promise<{ readonly count: number; readonly p50Ms: number; readonly p99Ms: number }>,
): Promise<Measured> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const postgresBefore = postgresMs();
  const { count, p50Ms, p99Ms } = await run();
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  return {
    perSecond: (count / elapsedMs) * 1000,
    p50Ms,
    p99Ms,
    nodeUs: (user + system) / count,
    postgresUs: ((postgresMs() - postgresBefore) * 1000) / count,
  };
}

/** Processor time of the PostgreSQL processes below this one, in steps of 10 ms (proc(5), stat). */
function postgresMs(): number {
  const all = new Map<number, { readonly parent: number; readonly ms: number; name: string }>();
  for (const path of globSync('/proc/[0-9]*/stat')) {
    try {
      const text = readFileSync(path, 'utf8');
      const end = text.lastIndexOf(')');
      const fields = text.slice(end + 2).split(' ');
      // With that of children that have ended: connections come and go.
      const ms = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) * 10;
      const name = text.slice(text.indexOf('(') + 1, end);
      all.set(Number(path.split('/')[2]), { parent: Number(fields[1]), ms, name });
    } catch {
      // It has just ended.
    }
  }
  const isOurs = (pid: number): boolean =>
    pid === process.pid || (pid > 1 && isOurs(all.get(pid)?.parent ?? 0));
  const ours = [...all].filter(([pid, { name }]) => name === 'postgres' && isOurs(pid));
  return ours.reduce((sum, [, { ms }]) => sum + ms, 0);
}

function milliseconds(match: RegExpExecArray | null): number {
  const value = Number(match?.[1] ?? NaN);
  return match?.[2] === 'us' ? value / 1000 : match?.[2] === 's' ? value * 1000 : value;
}
