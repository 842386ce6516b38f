/**
 * RegionControl and ReplicationStatus of another process of the same region. The lease is counted
 * from before the request that brought it; while the other process does not answer, the view is
 * closed as soon as that lease is over.
 */
import type { ClusterView } from '../core/cluster-view.ts';
import type { Lsn } from '../core/lsn.ts';
import { isAtOrPast, zeroPosition, type Position } from '../core/position.ts';
import type { Clock } from '../ports/clock.ts';
import type { RegionControl } from '../ports/region-control.ts';
import type { ReplicationReport, ReplicationStatus } from '../ports/replication-status.ts';
import { createBackoff } from '../runtime/backoff.ts';
import { superviseLoop } from '../runtime/supervised-loop.ts';
import type { Logger } from '../logging/logger.ts';
import type { PeerClient } from './peer-client.ts';
import { fromWireJson, toWireJson } from './wire-json.ts';

export interface RemoteOptions {
  /** Origin of the peer listener of the process that has the service. */
  readonly origin: string;
  readonly client: PeerClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const callTimeoutMs = 3000;

/** Resolves with the first view heard; then follows it until `signal` aborts. */
export async function followRegionControl(options: RemoteOptions): Promise<RegionControl> {
  const feed = follow<ClusterView>(options, 'view', (previous) => ({
    path: `/peer/control/view?after=${previous?.version ?? -1}`,
    read: (body, askedAtMs) => {
      const { view, remainingMs } = body as { view: ClusterView; remainingMs: number };
      return { ...view, leaseValidUntilMs: remainingMs > 0 ? askedAtMs + remainingMs : null };
    },
  }));
  const first = await feed.first;
  return { view: () => feed.latest() ?? first, onChange: feed.onChange };
}

/** Nothing is known until the replicator's process was heard for the first time. */
const unheard: ReplicationReport = {
  directive: { kind: 'idle', why: 'the replicator was not heard yet' },
  phase: 'starting',
  why: 'the replicator was not heard yet',
  store: null,
  applied: zeroPosition,
  logEnd: zeroPosition,
  confirmed: null,
  logWaitMs: 0,
  freshAtMs: null,
  sealedEpoch: 0,
  opened: null,
  countedMembers: [],
  peers: [],
};

/** Follows the report of another process until `signal` aborts; never waits for it. */
export function followReplicationStatus(
  options: RemoteOptions,
  viewOf: () => ClusterView,
): ReplicationStatus {
  const feed = follow<ReplicationReport>(options, 'replication', (previous) => ({
    path: `/peer/control/replication?after=${previous === null ? -1 : 0}`,
    read: (body) => body as ReplicationReport,
  }));
  feed.first.catch(() => undefined);
  const report = (): ReplicationReport => feed.latest() ?? unheard;
  const ask = async (question: string, body: unknown): Promise<unknown> => {
    const path = `/peer/control/${question}`;
    const call = { method: 'POST', path, body: JSON.parse(toWireJson(body)) as unknown } as const;
    const reply = await options.client.request(options.origin, {
      ...call,
      timeoutMs: callTimeoutMs,
    });
    if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}`);
    return fromWireJson(reply.body);
  };
  return {
    report,
    onChange: feed.onChange,
    lastRecordAtOrBelow: async (lsn: Lsn, waitMs: number) =>
      (await ask('last-record', { lsn, waitMs })) as Position | null,
    unreleasedXids: async (upTo: Position) => (await ask('unreleased', { upTo })) as number[],
    holders: (position) => holdersOf(position, report(), viewOf()),
  };
}

/** How many members of the view hold `position`, going by the report's peers. */
export function holdersOf(
  position: Position,
  report: ReplicationReport,
  view: ClusterView,
): { readonly held: number; readonly members: number } {
  const held = view.members.filter((member) =>
    report.peers.some(
      (peer) =>
        peer.region === member.region &&
        peer.store === member.store &&
        peer.applied !== null &&
        isAtOrPast(peer.applied, position),
    ),
  );
  return { held: held.length, members: view.members.length };
}

interface Feed<T> {
  readonly first: Promise<T>;
  readonly latest: () => T | null;
  readonly onChange: (listener: (value: T) => void) => () => void;
}

type Question<T> = (previous: T | null) => {
  readonly path: string;
  readonly read: (body: unknown, askedAtMs: number) => T;
};

function follow<T>(options: RemoteOptions, name: string, question: Question<T>): Feed<T> {
  const listeners = new Set<(value: T) => void>();
  const first = Promise.withResolvers<T>();
  let latest: T | null = null;
  const run = async (signal: AbortSignal, markHealthy: () => void): Promise<void> => {
    while (!signal.aborted) {
      const { path, read } = question(latest);
      const askedAtMs = options.clock.monotonicMs();
      const call = { method: 'GET', path, timeoutMs: callTimeoutMs } as const;
      const reply = await options.client.request(options.origin, call);
      if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}`);
      const value = read(fromWireJson(reply.body), askedAtMs);
      latest = value;
      markHealthy();
      first.resolve(value);
      for (const listener of listeners) listener(value);
    }
  };
  const backoff = createBackoff({ firstMs: 50, maxMs: 1000 });
  const { logger, signal } = options;
  superviseLoop({ name: `follow ${name}`, run, backoff, logger, signal }).then(
    () => first.reject(new Error('stopped')),
    first.reject,
  );
  return {
    first: first.promise,
    latest: () => latest,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
