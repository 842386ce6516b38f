/**
 * One region: its node, log and replicator, and the real controller between them. A turn delivers
 * what has happened, steps the controller and performs some of the effects it asked for.
 */
import type { ControllerConfig } from '../../../services/failover/core/controller-config.ts';
import { laneOf, type Effect } from '../../../services/failover/core/controller-effect.ts';
import type { EffectResult, Input } from '../../../services/failover/core/controller-input.ts';
import {
  initialControllerState,
  type ControllerState,
} from '../../../services/failover/core/controller-state.ts';
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { StrongRead } from '../ledger.ts';
import { stepOf, type Step } from './planted-step.ts';
import { performEffect } from './sim-effects.ts';
import { SimLog } from './sim-log.ts';
import { SimNode } from './sim-node.ts';
import { SimReplicator } from './sim-replicator.ts';
import type { World } from './world.ts';

/** Inputs without their time: the region stamps them. */
type Unstamped = Input extends infer One ? (One extends Input ? Omit<One, 'nowMs'> : never) : never;

/** A strong read under way, and the epoch that it began under. */
export interface Reading {
  readonly epoch: number;
  readonly read: StrongRead;
}

export class SimRegion {
  readonly id: RegionId;
  readonly world: World;
  readonly node: SimNode;
  readonly log = new SimLog();
  replicator: SimReplicator;
  isUp = true;
  pausedUntilMs = 0;
  /** How fast it follows, 0 to 1. */
  speed = 1;
  /** Until when its control topic lags both ways. */
  slowControlUntilMs = 0;
  /** Until when its own log takes nothing; its replicator sends records on nevertheless. */
  stalledLogUntilMs = 0;
  starts = 0;
  state: ControllerState;
  view: ClusterView | null = null;
  reading: Reading | null = null;
  /** What was last listed of its diverged tail. */
  listed: { readonly isWhole: boolean; readonly txns: ReadonlySet<number> } = {
    isWhole: true,
    txns: new Set(),
  };
  /** The same of the old node that its standby took the place of; null before. */
  listedOld: { readonly isWhole: boolean; readonly txns: ReadonlySet<number> } | null = null;
  offset = 0;
  isReading = false;
  #effects: Effect[] = [];
  /** Performed, but the controller has not been told yet. */
  #untold: (() => void)[] = [];
  readonly #step: Step;

  constructor(world: World, id: RegionId) {
    this.world = world;
    this.id = id;
    this.node = new SimNode(`${id}/pg-1` as NodeId, `${id}/pg-2` as NodeId);
    this.#step = stepOf(world.rules);
    this.replicator = new SimReplicator(this, world.rules);
    this.state = initialControllerState(this.#config());
    this.startProcess();
  }

  /** The process starts anew: all it had not stored is forgotten. */
  startProcess(): void {
    this.starts += 1;
    this.state = initialControllerState(this.#config());
    this.replicator = new SimReplicator(this, this.world.rules);
    this.view = null;
    this.reading = null;
    this.offset = 0;
    this.isReading = false;
    this.#effects = [];
    this.#untold = [];
    this.post({ kind: 'started' });
  }

  turn(): void {
    const { world } = this;
    this.#readControl();
    for (const tell of this.#untold.splice(0)) tell();
    this.post({ kind: 'ticked', wallMs: world.nowMs });
    if (world.draw.happens(0.2)) this.#postNodes();
    if (world.draw.happens(0.6)) this.#postDatabase();
    for (let round = 0; round < 6 && this.#performSome(); round += 1);
    if (this.view !== null) {
      this.replicator.work(this.view);
      this.post({ kind: 'replicationReported', report: this.replicator.report() });
    }
  }

  post(body: Unstamped): void {
    const input = { ...body, nowMs: this.world.nowMs } as Input;
    const { state, effects } = this.#step(this.state, input);
    this.state = state;
    for (const effect of effects) {
      if (effect.kind === 'publishView') this.view = effect.view;
      else if (effect.kind === 'halt') throw new Error(`halted: ${effect.why}`);
      else if (laneOf[effect.kind] !== 'local') this.#effects.push(effect);
    }
  }

  #postNodes(): void {
    const askedAtMs = this.world.nowMs;
    this.post({ kind: 'nodesReported', askedAtMs, nodes: this.node.states() });
  }

  #postDatabase(): void {
    const askedAtMs = this.world.nowMs;
    this.post({ kind: 'databaseReported', askedAtMs, facts: this.node.facts(), why: '' });
  }

  /** Performs waiting effects, lane by lane in order; some take longer. False: nothing was done. */
  #performSome(): boolean {
    const { world } = this;
    const waiting = this.#effects;
    this.#effects = [];
    const blocked = new Set<string>();
    let hasWorked = false;
    for (const effect of waiting) {
      const lane = laneOf[effect.kind];
      if (blocked.has(lane) || world.draw.happens(0.15)) {
        blocked.add(lane);
        this.#effects.push(effect);
        continue;
      }
      hasWorked = true;
      if (world.crashesAt(this, effect, 'before')) return this.#crash();
      const outcome = performEffect(this, effect);
      if (world.crashesAt(this, effect, 'after')) return this.#crash();
      const tell = (): void => {
        this.#finish(effect, outcome);
      };
      // A crash in between: it has happened, and nobody knows.
      if (world.draw.happens(0.1)) this.#untold.push(tell);
      else tell();
    }
    return hasWorked;
  }

  /** All that waited to be performed is forgotten with the process. */
  #crash(): boolean {
    this.startProcess();
    return false;
  }

  #finish(effect: Effect, outcome: EffectResult | string): void {
    const { id } = effect;
    this.post(
      typeof outcome === 'string'
        ? { kind: 'effectFailed', id, why: outcome }
        : { kind: 'effectFinished', id, result: outcome },
    );
    const lane = laneOf[effect.kind];
    if (lane === 'node') this.#postNodes();
    if (lane !== 'control' && lane !== 'log') this.#postDatabase();
  }

  #readControl(): void {
    const { world } = this;
    if (!this.isReading || !world.reachesControl(this)) return;
    const count = world.draw.between(0, 6);
    for (let read = 0; read < count && this.offset < world.control.length; read += 1) {
      const record = world.control[this.offset];
      const offset = BigInt(this.offset) as LogOffset;
      this.offset += 1;
      if (record !== undefined) this.post({ kind: 'controlRecordRead', offset, record });
    }
  }

  #config(): ControllerConfig {
    const { world } = this;
    return {
      clusterId: 'simulated',
      cell: 'main',
      region: this.id,
      regionName: this.id,
      programVersion: '1.0.0',
      incarnation: `${this.id}-${this.starts}`,
      nodes: [`${this.id}/pg-1` as NodeId, `${this.id}/pg-2` as NodeId],
      policy: world.policy,
      renewIntervalMs: 300,
      nodeRecoveryMs: 1000,
      memberTimeoutMs: 1500,
      degradeAfterMs: null,
      drainMs: 1000,
      switchoverMs: 4000,
      failoverBackoffMs: 200,
      preferredPrimary: null,
      preferredQuietMs: 8000,
      switchoverLagMs: 60_000,
      checkpointIntervalMs: 1500,
    };
  }
}
