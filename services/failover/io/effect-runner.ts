/**
 * Performs the controller's effects that touch the outside: each lane is a queue of its own, run in
 * order. An effect's outcome goes back as an input, never a decision.
 */
import type { PgClient } from '../../../shared/pg/client.ts';
import { assertNever } from '../../../shared/core/assert.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { Position } from '../../../shared/core/position.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { NodeControl } from '../../../shared/ports/node-control.ts';
import type { EffectBody, EffectKind, laneOf } from '../core/controller-effect.ts';
import type { EffectResult } from '../core/controller-input.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { writeCheckpoint } from './checkpoint-store.ts';
import type { TailEffect } from './divergence/diverged-access.ts';
import * as fence from './fence-store.ts';
import { NodeConnection, type NodeAccess, type NodePlace } from './node-connection.ts';
import type { ControlConnection } from './relay/connect-control-log.ts';
import { endProbes, probeCommit, proberName } from './probe-commit.ts';
import { createPublicationAndSlot, dropPublicationsAndSlots } from './publication-and-slot.ts';
import { raiseSequences } from './sequences.ts';
import { closeStandby, reopenStandby } from './sessions.ts';
import { closedStandbyName, setSynchronousStandbyNames } from './sync-names.ts';

type KindsOf<Lane> = {
  [Kind in EffectKind]: (typeof laneOf)[Kind] extends Lane ? Kind : never;
}[EffectKind];
type EffectOf<Lane> = Extract<EffectBody, { kind: KindsOf<Lane> }>;

export type NodeEffect = EffectOf<'node'>;
export type SqlEffect = EffectOf<'sql'>;
export type FenceEffect = EffectOf<'fence'>;
export type OutsideEffect = EffectOf<'control'> | TailEffect | NodeEffect | SqlEffect | FenceEffect;

export interface EffectRunnerOptions {
  /** Resolves when the record is acknowledged. */
  readonly control: Pick<ControlConnection, 'log' | 'id'>;
  readonly nodeControl: NodeControl;
  readonly access: NodeAccess;
  readonly incarnation: string;
  /** The agent's newest word on its nodes. */
  readonly nodes: () => readonly NodeState[];
  /** Address of another region's node. */
  readonly placeOf: (region: RegionId, node: NodeId) => NodePlace;
  /** Last transaction record in the own log, as the replicator reports it. */
  readonly logEnd: () => Position;
  readonly performOnTail: (effect: TailEffect) => Promise<EffectResult>;
}

/** Bound of each effect of the lanes `sql` and `fence`. */
const sqlBoundMs = 5000;
const none: EffectResult = { kind: 'none' };

export class EffectRunner {
  readonly #options: EffectRunnerOptions;
  readonly #sql: NodeConnection;
  readonly #fence: NodeConnection;
  readonly #prober: NodeConnection;
  /** Of the checkpoint that was stored last. */
  storedOffset: LogOffset | null = null;

  constructor(options: EffectRunnerOptions) {
    this.#options = options;
    this.#sql = new NodeConnection(options.access, 'meridian-controller');
    this.#fence = new NodeConnection(options.access, 'meridian-fence');
    this.#prober = new NodeConnection(options.access, proberName);
  }

  /** Performs one effect; rejects with what went wrong. */
  async run(effect: OutsideEffect): Promise<EffectResult> {
    switch (effect.kind) {
      case 'appendControl':
        await this.#options.control.log.append(effect.record);
        return none;
      case 'listTail':
      case 'lookAtNode':
      case 'listNodeTail':
        return this.#options.performOnTail(effect);
      case 'initialiseNode':
      case 'seedRegionNode':
      case 'seedStandby':
      case 'startNode':
      case 'stopNode':
      case 'promoteNode':
      case 'setAside':
        await this.#onNodes(effect);
        return none;
      case 'drainNode':
      case 'sealNode':
      case 'closeNode':
        return this.#withNode(this.#fence, effect.node, (client) => this.#onFence(client, effect));
      case 'probeCommit':
        return this.#probe(effect.node);
      default:
        await this.#withNode(this.#sql, effect.node, (client) => this.#onDatabase(client, effect));
        return none;
    }
  }

  /** Connects to a server that has come up: what is done there first may be waited for. */
  meet(node: NodeId): void {
    for (const connection of [this.#sql, this.#fence]) this.#warm(connection, node);
  }

  close(): void {
    for (const connection of [this.#sql, this.#fence, this.#prober]) connection.close();
  }

  async #onNodes(effect: NodeEffect): Promise<void> {
    const { nodeControl, placeOf } = this.#options;
    switch (effect.kind) {
      case 'initialiseNode':
        return nodeControl.initialise(effect.node);
      case 'seedRegionNode': {
        const { host, port } = placeOf(effect.source, effect.sourceNode);
        await nodeControl.seedRegionNode(effect.node, { host, port });
        return;
      }
      case 'seedStandby':
        return nodeControl.seedStandby(effect.node, effect.primary);
      case 'startNode':
        return nodeControl.start(effect.node, effect.mode, effect.primary);
      case 'stopNode':
        return nodeControl.stop(effect.node);
      case 'promoteNode':
        // Sessions survive a promotion and could write: none may be left on the standby.
        await this.#withNode(this.#fence, effect.node, closeStandby);
        try {
          return await nodeControl.promote(effect.node);
        } finally {
          // A standby that stays one opens by itself after a while, whatever becomes of this.
          await this.#withNode(this.#fence, effect.node, reopenStandby).catch(() => undefined);
        }
      case 'setAside':
        return nodeControl.setAside(effect.node);
      default:
        return assertNever(effect);
    }
  }

  async #onFence(client: PgClient, effect: FenceEffect): Promise<EffectResult> {
    switch (effect.kind) {
      case 'drainNode':
        await fence.drainNode(client);
        return none;
      case 'sealNode':
        return { kind: 'sealed', walEnd: await fence.sealNode(client, effect.epoch) };
      case 'closeNode':
        await fence.closeNode(client);
        await setSynchronousStandbyNames(client, closedStandbyName);
        return none;
      default:
        return assertNever(effect);
    }
  }

  async #onDatabase(
    client: PgClient,
    effect: Exclude<SqlEffect, { kind: 'probeCommit' }>,
  ): Promise<void> {
    const { incarnation } = this.#options;
    switch (effect.kind) {
      case 'adoptSeed':
        return fence.adoptSeed(client, effect);
      case 'takeNode':
        return fence.takeNode(client, effect);
      case 'createPublicationAndSlot':
        await endProbes(client);
        await createPublicationAndSlot(client, effect.epoch);
        // A probe is next: its connection is there by then.
        return this.#warm(this.#prober, effect.node);
      case 'dropPublicationsAndSlots':
        return dropPublicationsAndSlots(client);
      case 'raiseSequences':
        return raiseSequences(client);
      case 'setSynchronousStandbyNames':
        return setSynchronousStandbyNames(client, effect.value);
      case 'openNode':
        return fence.openNode(client, { ...effect, incarnation });
      case 'setProgress':
        return fence.setProgress(client, effect.position);
      case 'writeCheckpoint':
        await writeCheckpoint(client, effect.checkpoint, this.#options.control.id());
        this.storedOffset = effect.checkpoint.nextOffset;
        return;
      default:
        return assertNever(effect);
    }
  }

  async #probe(node: NodeId): Promise<EffectResult> {
    await this.#withNode(this.#prober, node, (prober) =>
      this.#withNode(this.#sql, node, async (watcher) => {
        await endProbes(watcher, prober);
        await probeCommit(prober, watcher);
      }),
    );
    this.#prober.close();
    return { kind: 'probed', logEnd: this.#options.logEnd() };
  }

  /** Opens `connection` unless it is open; nobody waits for it. */
  #warm(connection: NodeConnection, node: NodeId): void {
    void Promise.resolve()
      .then(() => this.#withNode(connection, node, () => Promise.resolve()))
      .catch(() => undefined);
  }

  #withNode<T>(
    connection: NodeConnection,
    id: NodeId,
    work: (client: PgClient) => Promise<T>,
  ): Promise<T> {
    const node = this.#options.nodes().find((candidate) => candidate.id === id);
    if (node === undefined || node.process !== 'running') {
      throw new MeridianError('ReplicaUnavailable', `${id} is not running`);
    }
    return connection.run({ host: node.host, port: node.port }, sqlBoundMs, work);
  }
}
