/** Writes by the clock through gateways, whatever became of earlier ones; no client retries. */
import { createDataClient, type DataClient } from '../../../../services/cli/demo/data-client.ts';
import type { TestCluster } from '../../cluster.ts';
import { eventually } from '../../eventually.ts';

export interface Write {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly outcome: 'confirmed' | 'refused' | 'unknown';
  /** The error's code; empty when it was confirmed. */
  readonly code: string;
}

const everyMs = 20;
const timeoutMs = 20_000;
const warmUpWrites = 50;

/** One semi-sync write every 20 ms through each of its regions. */
export class WriteLoop {
  readonly writes: Write[] = [];
  readonly #clients: readonly DataClient[];
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  #ended: Promise<void> | null = null;

  private constructor(clients: readonly DataClient[]) {
    this.#clients = clients;
    this.#timer = setInterval(() => {
      for (const client of clients) {
        const one = this.#send(client).finally(() => this.#open.delete(one));
        this.#open.add(one);
      }
    }, everyMs);
  }

  /** Resolves once writes are confirmed. The table `bench_write` must be there. */
  static async start(cluster: TestCluster, regions: readonly string[]): Promise<WriteLoop> {
    const token = await cluster.token('data:write');
    const clients = regions.map((id) => createDataClient(id, cluster.origin(id), token));
    const loop = new WriteLoop(clients);
    await eventually(() => loop.confirmed().length > warmUpWrites, { deadlineMs: 20_000 });
    return loop;
  }

  confirmed(): Write[] {
    return this.writes.filter(({ outcome }) => outcome === 'confirmed');
  }

  /** When the first write that began after `afterMs` was confirmed; null while none was. */
  firstConfirmedMs(afterMs: number): number | null {
    const ends = this.confirmed()
      .filter(({ startedMs }) => startedMs > afterMs)
      .map(({ endedMs }) => endedMs);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  /** The longest time in which no write was confirmed. */
  longestGapMs(): number {
    const ends = this.confirmed()
      .map(({ endedMs }) => endedMs)
      .toSorted((a, b) => a - b);
    return Math.max(0, ...ends.slice(1).map((endMs, index) => endMs - (ends[index] ?? endMs)));
  }

  /** What was not confirmed, by code: how often, and from when to when it was answered. */
  lossesText(sinceMs: number): string {
    const lost = this.writes.filter(({ outcome }) => outcome !== 'confirmed');
    return [...Map.groupBy(lost, ({ code }) => code)]
      .map(([code, writes]) => {
        const ends = writes.map(({ endedMs }) => Math.round(endedMs - sinceMs));
        return `${code} ${String(writes.length)} (${Math.min(...ends)} to ${Math.max(...ends)})`;
      })
      .join(' · ');
  }

  count(outcome: Write['outcome']): number {
    return this.writes.filter((write) => write.outcome === outcome).length;
  }

  /** Sends nothing more and waits for what is under way. */
  end(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #send(client: DataClient): Promise<void> {
    const startedMs = performance.now();
    const body = { sql: 'INSERT INTO bench_write VALUES ($1)', params: [String(Math.random())] };
    const reply = await client.send({ path: '/v1/query', body, timeoutMs });
    const isRefused = reply.kind === 'refused' && reply.code !== 'CommitOutcomeUnknown';
    const outcome = reply.kind === 'answered' ? 'confirmed' : isRefused ? 'refused' : 'unknown';
    const code = reply.kind === 'refused' ? reply.code : reply.kind === 'silent' ? 'no reply' : '';
    this.writes.push({ startedMs, endedMs: performance.now(), outcome, code });
  }
}
