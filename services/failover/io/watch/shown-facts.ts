/** What the published view shows of the own region besides what the core decided. */
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import type { NodeAccess } from '../node-connection.ts';
import { BrokerWatch, type BrokerWatchOptions } from './broker-watch.ts';
import { StandbyWatch } from './standby-watch.ts';

export interface ShownFactsOptions {
  readonly access: NodeAccess;
  readonly nodes: () => readonly NodeState[];
  readonly broker: BrokerWatchOptions;
}

export class ShownFacts {
  readonly #standbys: StandbyWatch;
  readonly #broker: BrokerWatch;

  constructor({ access, nodes, broker }: ShownFactsOptions) {
    this.#standbys = new StandbyWatch(access, nodes);
    this.#broker = new BrokerWatch(broker);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#standbys.run(signal), this.#broker.run(signal)]);
  }

  /** `view` with where the standbys are, and with the broker. */
  completed(view: ClusterView): ClusterView {
    const broker = this.#broker.report();
    const reports = view.reports.map((one) => {
      if (one.id !== view.region) return one;
      const nodes = one.nodes.map((node) => this.#standbys.completed(node, view));
      return { ...one, nodes, ...(broker === null ? {} : { broker }) };
    });
    return { ...view, reports };
  }
}
