/** Runs wrk (apt-get install wrk) and reads its figures. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export interface WrkOptions {
  readonly url: string;
  /** A Lua script for wrk: headers of the requests; null: plain GET. */
  readonly script: string | null;
  readonly seconds: number;
  readonly connections: number;
  /** The processes whose processor time is counted, with their children. */
  readonly pids: readonly number[];
}

export interface WrkResult {
  readonly perSecond: number;
  /** Processor microseconds per request: the figure that other work on the machine moves least. */
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Connection errors, time-outs and replies that are not 2xx or 3xx. */
  readonly failed: number;
}

/** The path of a program, or null. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null;
}

/** One run; throws when wrk is not installed. */
export async function runWrk(options: WrkOptions): Promise<WrkResult> {
  const wrk = findProgram('wrk');
  if (wrk === null) throw new Error('wrk is not installed: apt-get install wrk');
  const { url, script, seconds, connections } = options;
  const args = ['-t1', `-c${String(connections)}`, `-d${String(seconds)}s`, '--latency'];
  if (script !== null) args.push('-s', script);
  const before = cpuMs(options.pids);
  const { stdout } = await promisify(execFile)(wrk, [...args, url]);
  const usedMs = cpuMs(options.pids) - before;
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    stdout,
  );
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    cpuUs: (usedMs * 1000) / number(/(\d+) requests in/),
    p50Ms: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    failed:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      (errors?.slice(1).reduce((sum, text) => sum + Number(text), 0) ?? 0),
  };
}

function milliseconds(match: RegExpExecArray | null): number {
  const value = Number(match?.[1] ?? NaN);
  return match?.[2] === 'us' ? value / 1000 : match?.[2] === 's' ? value * 1000 : value;
}

/** Processor time of processes and their children so far, in steps of 10 ms (proc(5), stat). */
function cpuMs(pids: readonly number[]): number {
  const all = globSync('/proc/[0-9]*/stat').flatMap((path) => {
    try {
      const text = readFileSync(path, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return [{ id: Number(path.split('/')[2]), fields }];
    } catch {
      return [];
    }
  });
  return all
    .filter(({ id, fields }) => pids.includes(id) || pids.includes(Number(fields[1])))
    .reduce((sum, { fields }) => sum + (Number(fields[11]) + Number(fields[12])) * 10, 0);
}
