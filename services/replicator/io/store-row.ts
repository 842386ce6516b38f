/**
 * The progress row and the store that it names: the region's log, which is made a store when it is
 * none yet.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { zeroPosition, type Position } from '../../../shared/core/position.ts';
import { ownSessionOptions, withPg, type PgClient } from '../../../shared/pg/client.ts';
import { readProgress, writeProgress } from './apply/progress-row.ts';
import type { RunnerOptions } from './directive-runner.ts';

export class StoreRow {
  readonly #options: RunnerOptions;
  /** What the row of this node was last seen to say. */
  #seen: { readonly position: Position; readonly store: string } | null = null;
  #nodesLost = 0;
  #preparing: Promise<Position> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Sees to it that the log is a store, named in the progress row; returns the row's position. */
  prepare(signal: AbortSignal): Promise<Position> {
    this.#preparing ??= this.#prepare(signal).finally(() => (this.#preparing = null));
    return this.#preparing;
  }

  async #prepare(signal: AbortSignal): Promise<Position> {
    const { ownLog, onStore, onApplied, view } = this.#options;
    const nodesLost = this.#nodesLost;
    await ownLog.load(signal);
    return this.#withNode(async (client) => {
      const progress = await readProgress(client);
      const position = progress?.position ?? zeroPosition;
      const store = await ownLog.storeFrom(position, view().epoch);
      if (progress?.store !== store) await writeProgress(client, position, store);
      if (nodesLost === this.#nodesLost) this.#seen = { position, store };
      onStore(store);
      onApplied({ applied: position, reached: position, timeUs: null, transactions: 0 });
      return position;
    });
  }

  /** Where the node stood when its row was seen to name the log's store; null when it was not. */
  async seenAt(signal: AbortSignal): Promise<Position | null> {
    const { store } = await this.#options.ownLog.load(signal);
    return this.#seen !== null && this.#seen.store === store ? this.#seen.position : null;
  }

  /**
   * Called with each view: a node that went may be another one when it is back. What the seal for
   * the first epoch needs besides the fence is done while that is raised.
   */
  async see({ epoch, prepare, region, node }: ClusterView, signal: AbortSignal): Promise<void> {
    if (node === null) {
      this.#seen = null;
      this.#nodesLost += 1;
    }
    if (epoch > 0 || prepare?.preferred !== region) return;
    if ((await this.seenAt(signal)) !== null) return;
    if (node !== null) await this.prepare(signal);
    else await this.#options.ownLog.storeFrom(zeroPosition, epoch);
  }

  /** Of a node whose log was copied from another region's, up to `position`. */
  write(position: Position, store: string): Promise<void> {
    return this.#withNode((client) => writeProgress(client, position, store));
  }

  #withNode<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    const session = { applicationName: 'meridian replicator', options: ownSessionOptions };
    return withPg({ ...this.#options.pg('meridian_applier'), ...session }, work);
  }
}
