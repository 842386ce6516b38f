/** Hands the replicator's reports on: at once when its work changed, else a few times a second. */
import type { ReplicationReport } from '../../../../shared/core/replication-report.ts';
import type { ReplicationStatus } from '../../../../shared/ports/replication-status.ts';

export interface ReplicationWatch {
  readonly onReport: (report: ReplicationReport) => void;
  /** The progress row names another store. */
  readonly onStore: () => void;
  readonly signal: AbortSignal;
}

/** Positions move with every transaction: reports that differ in nothing else are bundled. */
const bundleMs = 50;
/** Reports are repeated, so that a report left out is made good. */
const repeatMs = 500;

export function watchReplication(status: ReplicationStatus, watch: ReplicationWatch): void {
  let last: ReplicationReport | null = null;
  let bundle: NodeJS.Timeout | null = null;
  const send = (): void => {
    if (bundle !== null) clearTimeout(bundle);
    bundle = null;
    const before = last?.store ?? null;
    last = status.report();
    watch.onReport(last);
    if (last.store !== before) watch.onStore();
  };
  const stopListening = status.onChange((report) => {
    if (last === null || isOtherWork(report, last)) send();
    else bundle ??= setTimeout(send, bundleMs);
  });
  const repeating = setInterval(send, repeatMs);
  const end = (): void => {
    stopListening();
    clearInterval(repeating);
    if (bundle !== null) clearTimeout(bundle);
  };
  watch.signal.addEventListener('abort', end, { once: true });
  send();
}

function isOtherWork(now: ReplicationReport, before: ReplicationReport): boolean {
  return (
    now.directive !== before.directive ||
    now.phase !== before.phase ||
    now.store !== before.store ||
    now.countedMembers.length !== before.countedMembers.length ||
    epochsOf(now) !== epochsOf(before)
  );
}

/** Which peers have applied the start of an epoch: from then on they can be members. */
function epochsOf({ peers }: ReplicationReport): string {
  return peers.map(({ region, applied }) => `${region} ${applied?.epoch ?? 0}`).join();
}
