/** Which broker the region runs, and whose copies of the control log are behind: for people. */
import type { BrokerReport } from '../../../../shared/core/cluster-view.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { describePlacement, type QuorumTarget } from '../../../../shared/kafka/quorum.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';

export interface BrokerWatchOptions {
  readonly topic: string;
  /** The own broker. */
  readonly target: QuorumTarget;
  readonly nodes: ReadonlyMap<number, RegionId>;
  /** How many copies the log has while nothing is lost, and who may have them. */
  readonly copies: number;
  readonly brokers: readonly { readonly nodeId: number; readonly isVoter: boolean }[];
  readonly version: () => Promise<string | null>;
}

const everyMs = 2000;

export class BrokerWatch {
  readonly #options: BrokerWatchOptions;
  #report: BrokerReport | null = null;

  constructor(options: BrokerWatchOptions) {
    this.#options = options;
  }

  /** Null while the broker does not answer. */
  report(): BrokerReport | null {
    return this.#report;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#report = await this.#ask().catch(() => null);
      await sleep(everyMs, signal);
    }
  }

  async #ask(): Promise<BrokerReport> {
    const { topic, target, nodes, copies, brokers, version } = this.#options;
    const [{ replicas, inSync }, runs] = await Promise.all([
      describePlacement(target, topic),
      version().catch(() => null),
    ]);
    const leftOut = brokers.filter(({ nodeId, isVoter }) => isVoter && !replicas.includes(nodeId));
    const missing = leftOut.slice(0, Math.max(0, copies - replicas.length));
    const copiesOf = [...replicas, ...missing.map(({ nodeId }) => nodeId)];
    const behind = copiesOf.filter((id) => !inSync.includes(id));
    return { version: runs, outOfSync: behind.flatMap((id) => nodes.get(id) ?? []) };
  }
}
