/** What the regions tell each other: reports twice a second, a checkpoint to one that has none. */
import { z } from 'zod';
import type { RegionReport } from '../../../../shared/core/cluster-view.ts';
import { parseLogOffset, type LogOffset } from '../../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { PeerClient } from '../../../../shared/http/peer-client.ts';
import { fromWireJson } from '../../../../shared/http/wire-json.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import type { FoundCheckpoint } from '../../core/checkpoint-choice.ts';
import { decodeCheckpoint } from '../checkpoint-store.ts';

export interface Peer {
  readonly region: RegionId;
  /** Origin of its peer listener. */
  readonly origin: string;
}

export interface PeerReportsOptions {
  readonly peers: readonly Peer[];
  readonly client: PeerClient;
  readonly clock: Clock;
}

const reportEveryMs = 500;
const reportTimeoutMs = 1500;
const checkpointTimeoutMs = 2500;

/** Asks every region for its report, each on its own, until `signal` aborts. */
export async function exchangeReports(
  options: PeerReportsOptions,
  onReport: (report: RegionReport) => void,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    options.peers.map(async (peer) => {
      while (!signal.aborted) {
        const report = await askReport(options, peer).catch(() => null);
        if (report !== null && !signal.aborted) onReport(report);
        await sleep(reportEveryMs, signal);
      }
    }),
  );
}

/** The newest checkpoint that any region answers with in time. */
export async function askCheckpoint(options: PeerReportsOptions): Promise<FoundCheckpoint | null> {
  const found = await Promise.all(
    options.peers.map((peer) => askCheckpointOf(options.client, peer).catch(() => null)),
  );
  return found.reduce((best, one) => {
    if (one === null || best === null) return best ?? one;
    return one.checkpoint.nextOffset > best.checkpoint.nextOffset ? one : best;
  }, null);
}

async function askReport(options: PeerReportsOptions, peer: Peer): Promise<RegionReport | null> {
  const askedAtMs = options.clock.monotonicMs();
  const call = { method: 'GET', path: '/peer/report', timeoutMs: reportTimeoutMs } as const;
  const reply = await options.client.request(peer.origin, call);
  if (reply.status !== 200) return null;
  const report = fromWireJson(reply.body) as RegionReport | null;
  if (report?.id !== peer.region) return null;
  return { ...report, ageMs: options.clock.monotonicMs() - askedAtMs };
}

const checkpointSchema = z.object({
  nextOffset: z.string(),
  state: z.string(),
  /** Of the checkpoint on its disk; an older program does not say. */
  storedOffset: z.string().nullish(),
  /** Of the log that it reads; an older program does not say. */
  logId: z.string().nullish(),
});

/** The offset of the checkpoint that the region has on disk; null when it does not say. */
export async function askStoredOffset(client: PeerClient, peer: Peer): Promise<LogOffset | null> {
  const answer = await askCheckpointRoute(client, peer).catch(() => null);
  return parseLogOffset(answer?.storedOffset ?? '');
}

async function askCheckpointOf(client: PeerClient, peer: Peer): Promise<FoundCheckpoint | null> {
  const answer = await askCheckpointRoute(client, peer);
  const checkpoint = answer === null ? null : decodeCheckpoint(answer.nextOffset, answer.state);
  return checkpoint === null ? null : { checkpoint, logId: answer?.logId ?? null };
}

async function askCheckpointRoute(
  client: PeerClient,
  peer: Peer,
): Promise<z.infer<typeof checkpointSchema> | null> {
  const call = { method: 'GET', path: '/peer/checkpoint', timeoutMs: checkpointTimeoutMs } as const;
  const reply = await client.request(peer.origin, call);
  if (reply.status !== 200) return null;
  return checkpointSchema.parse(JSON.parse(reply.body));
}
