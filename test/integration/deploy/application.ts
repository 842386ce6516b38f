/**
 * An application that writes all the time: pgbench, and one client that counts. Both connect by a
 * list of places, as libpq does: the first that lets them in and takes writes. A connection that
 * breaks is made again after a moment.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { oldPassword } from './old-server.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Application {
  /** Numbers whose INSERT was answered. */
  readonly written: ReadonlySet<number>;
  /** Longest time between two answers since the last call, in milliseconds. */
  longestPauseMs(): number;
  /** The same of those that began about `atMs`, of the wall clock: no other stall is meant. */
  pauseAtMs(atMs: number): number;
  stop(): Promise<void>;
}

/** Nobody's pool connects without a pause. */
const againMs = 50;
const aboutMs = 2000;

const base = { user: 'shop', password: oldPassword, database: 'app' };

/** Makes pgbench's tables, of about 15 MB for each of `scale`. */
export async function fillDatabase({ host, port }: Place, scale: number): Promise<void> {
  const args = ['-i', '-q', '-s', String(scale), '-h', host, '-p', String(port), '-U', base.user];
  const child = spawn('pgbench', [...args, base.database], {
    stdio: 'ignore',
    env: { ...process.env, PGPASSWORD: base.password },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`pgbench -i ended with ${String(code)}`);
}

/** Begins to write; the table `beat (n int PRIMARY KEY)` is there. */
export function startApplication(places: () => readonly Place[]): Application {
  const stop = new AbortController();
  const written = new Set<number>();
  const answeredAtMs: number[] = [];
  let lastMs = performance.now();
  let longestMs = 0;
  const beat = async (): Promise<void> => {
    let client: pg.Client | null = null;
    for (let n = 1; !stop.signal.aborted; n += 1) {
      try {
        client ??= await connectFirst(places());
        await client.query('INSERT INTO beat VALUES ($1)', [n]);
        written.add(n);
        answeredAtMs.push(Date.now());
        const nowMs = performance.now();
        longestMs = Math.max(longestMs, nowMs - lastMs);
        lastMs = nowMs;
      } catch {
        void client?.end().catch(() => undefined);
        client = null;
        await delay(againMs);
      }
      await delay(10);
    }
    await client?.end().catch(() => undefined);
  };
  const bench = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await runBench(places(), stop.signal);
      await delay(againMs);
    }
  };
  const all = [beat(), bench()];
  return {
    written,
    longestPauseMs() {
      const found = Math.max(longestMs, performance.now() - lastMs);
      longestMs = 0;
      return Math.round(found);
    },
    pauseAtMs(atMs) {
      const pauses = answeredAtMs.map((ms, index) => {
        const sinceMs = answeredAtMs[index - 1] ?? ms;
        return Math.abs(sinceMs - atMs) < aboutMs ? ms - sinceMs : 0;
      });
      return Math.max(...pauses);
    },
    async stop() {
      stop.abort();
      await Promise.all(all);
    },
  };
}

async function connectFirst(places: readonly Place[]): Promise<pg.Client> {
  for (const place of places) {
    for (const ssl of [{ rejectUnauthorized: false }, false]) {
      const client = new pg.Client({ ...base, ...place, ssl, connectionTimeoutMillis: 2000 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return client;
      } catch (error) {
        void client.end().catch(() => undefined);
        // As libpq, which goes on without only where there is none.
        if (!/does not support SSL/.test(String(error))) break;
      }
    }
  }
  throw new Error('nobody takes writes');
}

async function runBench(places: readonly Place[], signal: AbortSignal): Promise<void> {
  const hosts = places.map(({ host }) => host).join(',');
  const ports = places.map(({ port }) => String(port)).join(',');
  const how = 'connect_timeout=2 target_session_attrs=read-write';
  const target = `host=${hosts} port=${ports} user=${base.user} dbname=${base.database} ${how}`;
  const child = spawn('pgbench', ['-n', '-c', '4', '-T', '3600', target], {
    stdio: 'ignore',
    env: { ...process.env, PGPASSWORD: base.password },
  });
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  await once(child, 'exit');
  signal.removeEventListener('abort', end);
}
