/** Open-loop load: requests leave by the clock, whatever became of earlier ones; no retries. */
import http from 'node:http';

export interface LoadResult {
  readonly sent: number;
  readonly ok: number;
  readonly failures: readonly { readonly atMs: number; readonly why: string }[];
  /** Time from a request's due moment to its last byte, by due moment. */
  readonly samples: readonly { readonly atMs: number; readonly tookMs: number }[];
}

export interface Load {
  /** Ends the load and waits for what is under way. */
  finish(): Promise<LoadResult>;
  readonly startedMs: number;
}

/** `perSecond` requests to `url()`; failures are counted at the socket and by status ≥ 500. */
export function startLoad(
  url: () => string,
  perSecond: number,
  headers: Record<string, string> = {},
): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
  const load = startOpenLoop(perSecond, () => once(url(), agent, headers));
  const { startedMs } = load;
  return { startedMs, finish: () => load.finish().finally(() => agent.destroy()) };
}

/** `one` request by the clock, told when it was due; it answers why it failed, null: it did not. */
export function startOpenLoop(
  perSecond: number,
  one: (dueMs: number) => Promise<string | null>,
): Load {
  const startedMs = performance.now();
  const samples: { atMs: number; tookMs: number }[] = [];
  const failures: { atMs: number; why: string }[] = [];
  const open = new Set<Promise<void>>();
  let sent = 0;
  const send = (dueMs: number): void => {
    sent += 1;
    const atMs = dueMs - startedMs;
    const sending = one(dueMs).then((why) => {
      if (why === null) samples.push({ atMs, tookMs: performance.now() - dueMs });
      else failures.push({ atMs, why });
      open.delete(sending);
    });
    open.add(sending);
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * perSecond;
    while (sent < due) send(startedMs + (sent / perSecond) * 1000);
  }, 2);
  return {
    startedMs,
    async finish() {
      clearInterval(timer);
      await Promise.all(open);
      return { sent, ok: samples.length, failures, samples };
    },
  };
}

/** Null when it went well, else why not. */
function once(
  url: string,
  agent: http.Agent,
  headers: Record<string, string>,
): Promise<string | null> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent, headers, timeout: 20_000 }, (reply) => {
      const status = reply.statusCode ?? 0;
      reply.resume();
      reply.on('end', () => resolve(status < 500 ? null : `status ${String(status)}`));
      reply.on('error', (error) => resolve(error.message));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve(error.message));
  });
}

/** The value below which `share` (0 to 1) of the samples lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
