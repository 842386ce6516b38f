/**
 * The diverged rows as the controller and the admin API reach them: listed and discarded at the
 * open primary's node, read at the region's own, which has them by replication.
 */
import type { NodeId } from '../../../../shared/core/node.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { createDataLog } from '../../../../shared/kafka/data-log.ts';
import type { TopicTarget } from '../../../../shared/kafka/topic.ts';
import type { PgClient } from '../../../../shared/pg/client.ts';
import type { EffectResult } from '../../core/controller-input.ts';
import type { EffectBody } from '../../core/controller-effect.ts';
import { NodeConnection, type NodeAccess, type NodePlace } from '../node-connection.ts';
import { listTail, type ListTail } from './divergence-report.ts';
import { listNodeTail, onOldNode, type ListNodeTail } from './node-tail.ts';
import { readDatabaseFacts } from '../watch/node-facts.ts';
import * as store from './diverged-store.ts';

export type TailEffect = ListTail | ListNodeTail | Extract<EffectBody, { kind: 'lookAtNode' }>;

export interface DivergedOptions {
  readonly region: RegionId;
  readonly access: NodeAccess;
  /** The region's own data topic. */
  readonly dataLog: TopicTarget;
  readonly placeOf: (region: RegionId, node: NodeId) => NodePlace;
  /** Where a node of this region listens: one that runs isolated is reached on its own machine. */
  readonly ownPlaceOf: (node: NodeId) => NodePlace;
  readonly nodes: () => readonly NodeState[];
  /** The node of the region that is primary now; null while there is none. */
  readonly primary: () => { readonly region: RegionId; readonly node: NodeId } | null;
}

const boundMs = 5000;
/** A tail of a million rows is read and listed in less. */
const listingBoundMs = 900_000;

export class Diverged {
  readonly #options: DivergedOptions;
  readonly #stopping = new AbortController();

  constructor(options: DivergedOptions) {
    this.#options = options;
  }

  /** Performs the effect. */
  async perform(effect: TailEffect): Promise<EffectResult> {
    if (effect.kind !== 'lookAtNode') return this.#list(effect);
    const facts = await this.#onOldNode(effect.node, boundMs, (client) =>
      readDatabaseFacts(client, effect.node),
    );
    return { kind: 'nodeLooked', facts };
  }

  async #list(effect: ListTail | ListNodeTail): Promise<EffectResult> {
    const { region, dataLog, placeOf } = this.#options;
    const log = createDataLog(dataLog);
    const place = placeOf(effect.target.region, effect.target.node);
    const { signal } = this.#stopping;
    try {
      return await this.#connected('meridian-diverged', (connection) => {
        const onTarget = <T>(work: (client: PgClient) => Promise<T>): Promise<T> =>
          connection.run(place, boundMs, work);
        const options = { region, log, onTarget, signal };
        if (effect.kind === 'listTail') return listTail(options, effect);
        const onNode = <T>(work: (client: PgClient) => Promise<T>): Promise<T> =>
          this.#onOldNode(effect.node, listingBoundMs, work);
        return listNodeTail({ ...options, onNode }, effect);
      });
    } finally {
      log.close();
    }
  }

  list(): Promise<readonly store.Divergence[]> {
    return this.#onOwn(store.listDivergences);
  }

  rows(
    id: store.DivergenceId,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly Record<string, unknown>[]> {
    return this.#onOwn((client) => store.readRows(client, id, page));
  }

  discard(id: store.DivergenceId): Promise<number> {
    const primary = this.#options.primary();
    if (primary === null) {
      throw new MeridianError('ReplicaUnavailable', 'no region is primary now', {
        hint: 'rows are discarded where history goes on; see `npx meridian status`',
      });
    }
    const place = this.#options.placeOf(primary.region, primary.node);
    return this.#connected('meridian-diverged', (connection) =>
      connection.run(place, boundMs, (client) => store.discardRows(client, id)),
    );
  }

  close(): void {
    this.#stopping.abort();
  }

  #onOldNode<T>(
    node: NodeId,
    workBoundMs: number,
    work: (client: PgClient) => Promise<T>,
  ): Promise<T> {
    const { access, ownPlaceOf } = this.#options;
    return onOldNode({ ...ownPlaceOf(node), ...access }, workBoundMs, work);
  }

  #onOwn<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    const node = this.#options
      .nodes()
      .find(({ mode, process }) => mode === 'normal' && process === 'running');
    if (node === undefined) {
      throw new MeridianError('ReplicaUnavailable', 'the node of this region does not run', {
        hint: 'ask another region',
      });
    }
    const place = { host: node.host, port: node.port };
    return this.#connected('meridian-diverged', (connection) =>
      connection.run(place, boundMs, work),
    );
  }

  async #connected<T>(name: string, work: (connection: NodeConnection) => Promise<T>): Promise<T> {
    const connection = new NodeConnection(this.#options.access, name);
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }
}
