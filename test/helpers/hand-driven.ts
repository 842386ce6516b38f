/** A controller's view and a replicator's status that tests set by hand. */
import type { ClusterView } from '../../shared/core/cluster-view.ts';
import { noEpoch } from '../../shared/core/epoch.ts';
import type { Lsn } from '../../shared/core/lsn.ts';
import { zeroPosition, type Position } from '../../shared/core/position.ts';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import type {
  ReplicationReport,
  ReplicationStatus,
} from '../../shared/ports/replication-status.ts';

export class HandControl implements RegionControl {
  #view: ClusterView;
  readonly #listeners = new Set<(view: ClusterView) => void>();

  constructor(view: ClusterView) {
    this.#view = view;
  }

  view(): ClusterView {
    return this.#view;
  }

  onChange(listener: (view: ClusterView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(change: Partial<ClusterView>): void {
    this.#view = { ...this.#view, ...change, version: this.#view.version + 1 };
    for (const listener of this.#listeners) listener(this.#view);
  }
}

/** Every WAL position counts as the end of a record, unless a test says how far decoding is. */
export class HandStatus implements ReplicationStatus {
  #report: ReplicationReport = {
    directive: { kind: 'idle', why: 'by hand' },
    phase: 'running',
    why: 'by hand',
    store: 's',
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
  readonly #listeners = new Set<(report: ReplicationReport) => void>();
  epoch = 1 as Position['epoch'];
  /** Decoding has passed this; null: everything. */
  decodedTo: Lsn | null = null;
  unreleased: readonly number[] = [];
  held = 1;

  report(): ReplicationReport {
    return this.#report;
  }

  onChange(listener: (report: ReplicationReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setApplied(applied: Position, freshAtMs: number | null = null): void {
    this.#report = { ...this.#report, applied, freshAtMs };
    for (const listener of this.#listeners) listener(this.#report);
  }

  lastRecordAtOrBelow(lsn: Lsn): Promise<Position | null> {
    if (this.decodedTo !== null && lsn > this.decodedTo) return Promise.resolve(null);
    const { epoch } = this;
    return Promise.resolve(epoch === noEpoch ? null : { epoch, endLsn: lsn });
  }

  holders(): { readonly held: number; readonly members: number } {
    return { held: this.held, members: 1 };
  }

  unreleasedXids(): Promise<readonly number[]> {
    return Promise.resolve(this.unreleased);
  }
}

/** A view in which `primary` is open for epoch 1 and every other region follows. */
export function handView(
  cluster: ClusterBase,
  who: { readonly region: RegionId; readonly primary: RegionId },
): ClusterView {
  const isPrimary = who.region === who.primary;
  return {
    version: 1,
    clusterId: cluster.clusterId,
    cell: cluster.cell,
    region: who.region,
    role: isPrimary ? 'primary' : 'replica',
    why: 'by hand',
    isReady: true,
    incarnation: 'i',
    epoch: 1 as ClusterView['epoch'],
    primary: who.primary,
    members: [],
    k: 1,
    policyK: 1,
    history: [],
    prepare: null,
    revoked: [],
    node: `${who.region}/pg-1` as NodeId,
    isOpen: isPrimary,
    leaseValidUntilMs: isPrimary ? Number.MAX_SAFE_INTEGER : null,
    strongReadsFrom: null,
    replication: { kind: 'idle', why: 'by hand' },
    reports: [],
  };
}
