/**
 * A region's replicator, reduced to what decides safety: it obeys the published directive, logs
 * first, applies under the fence, acknowledges, and releases waiting COMMITs by the members.
 */
import { changeOfDirective } from '../../../services/replicator/core/directive.ts';
import type { ClusterView, ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import type { Member } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { laterPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ReplicationReport } from '../../../shared/core/replication-report.ts';
import type { Rules } from './rules.ts';
import type { SimRegion } from './sim-region.ts';
import {
  endOf,
  isPast,
  nextAfter,
  positionOf,
  startOf,
  Violation,
  zero,
  type Transaction,
} from './transaction.ts';

export interface Acknowledged {
  store: string;
  applied: Position;
  heardAtMs: number;
}

type DirectiveOf<K extends ReplicationDirective['kind']> = Extract<
  ReplicationDirective,
  { kind: K }
>;

export class SimReplicator {
  readonly #region: SimRegion;
  readonly #rules: Rules;
  directive: ReplicationDirective = { kind: 'idle', why: 'started' };
  phase: ReplicationReport['phase'] = 'starting';
  confirmed: Position | null = null;
  counted: readonly Member[] = [];
  peers = new Map<RegionId, Acknowledged>();

  constructor(region: SimRegion, rules: Rules) {
    this.#region = region;
    this.#rules = rules;
  }

  /** What it says of itself at this moment. */
  report(): ReplicationReport {
    const { node, log } = this.#region;
    return {
      directive: this.directive,
      phase: this.phase,
      why: '',
      store: log.store,
      applied: this.directive.kind === 'lead' ? log.end() : node.applied(),
      logEnd: log.end(),
      confirmed: this.confirmed,
      countedMembers: this.counted,
      logWaitMs: 0,
      freshAtMs: null,
      sealedEpoch: log.sealedEpoch,
      opened: log.opened,
      peers: [...this.peers].map(([region, peer]) => ({ region, isConnected: true, ...peer })),
    };
  }

  /** One turn of work on what the latest view asks for. */
  work(view: ClusterView): void {
    const next = view.replication;
    if (changeOfDirective(this.directive, next).kind === 'keep') {
      // Only what does not change the work: the report names the directive as it is now.
      this.directive = next;
    } else {
      const wasLeading = this.directive.kind === 'lead' && next.kind === 'complete';
      if (!wasLeading) this.confirmed = null;
      this.directive = next;
      this.phase = 'starting';
    }
    const { node } = this.#region;
    if (!node.isRunning || next.kind === 'idle') return;
    if (node.fence.region !== this.#region.id) throw new Violation('a node not adopted is used');
    this.#prepareStore(next);
    this.#perform(next, view);
  }

  /** `true` while another region may be fed from here in `epoch`. */
  leads(epoch: number): boolean {
    const { directive } = this;
    return directive.kind === 'lead' && directive.epoch === epoch && this.phase === 'running';
  }

  acknowledge(from: RegionId, acknowledged: Acknowledged): void {
    this.peers.set(from, acknowledged);
  }

  #perform(directive: ReplicationDirective, view: ClusterView): void {
    switch (directive.kind) {
      case 'seed':
        return this.#seed(directive);
      case 'follow':
        return this.#follow(directive, view);
      case 'complete':
        this.#complete(directive, view);
        if (this.#rules.appliesSealed) this.#followOn(directive, view);
        return;
      case 'catch-up':
        return this.#catchUp(directive, view);
      case 'lead':
        return this.#lead(directive, view);
      case 'idle':
        return;
      default:
        return directive satisfies never;
    }
  }

  #prepareStore(directive: ReplicationDirective): void {
    const { node, log } = this.#region;
    if (directive.kind === 'seed') return;
    if (node.progress?.store === '') throw new Violation('worked before the log was seeded');
    log.store ??= this.#region.world.newStore(this.#region.id);
    if (node.progress === null) node.progress = { position: zero, store: log.store };
    // A log that was lost begins anew under another name.
    if (node.progress.store !== log.store) node.progress = { ...node.progress, store: log.store };
  }

  #seed(directive: DirectiveOf<'seed'>): void {
    if (this.phase === 'done') return;
    const { node, log, world, id } = this.#region;
    const source = world.region(directive.source);
    if (!world.isLinked(this.#region, source)) return;
    const upTo = directive.position ?? { epoch: directive.epoch, endLsn: directive.recoveredTo };
    // What the data hold and the source's log does not yet: wait.
    if (isPast(node.position(), source.log.end())) return;
    log.seedFrom(source.log, upTo, world.newStore(id));
    node.progress = { position: node.position(), store: log.store ?? '' };
    this.phase = 'done';
  }

  #follow(directive: DirectiveOf<'follow'>, view: ClusterView): void {
    const { node, log, world, speed } = this.#region;
    const source = world.region(directive.source);
    const isFed = world.reaches(source, this.#region) && source.replicator.leads(directive.epoch);
    if (isFed || this.phase === 'running') this.phase = 'running';
    if (node.fence.sealedEpoch > directive.epoch && !this.#rules.appliesSealed) return;
    log.dropVoid(node.applied(), view.epoch, view.history);
    const canReceive = isFed && !this.#isLogStalled();
    // Log first: what is logged is applied before more is received; in the calm links are fast.
    for (let round = world.isCalm ? 12 : 1; round > 0; round -= 1) {
      const logged = nextAfter(log.txns, node.applied());
      if (logged !== undefined) this.#apply(logged);
      else if (canReceive && world.draw.happens(speed)) this.#receive(source);
    }
    const isHeard = isFed && world.reaches(this.#region, source);
    if (isHeard && world.draw.happens(0.7) && node.applied().epoch === directive.epoch) {
      const applied = node.applied();
      source.replicator.acknowledge(this.#region.id, {
        store: log.store ?? '',
        applied,
        heardAtMs: world.nowMs,
      });
    }
  }

  /** Only where the rule is left out: it goes on after its seal as if there were none. */
  #followOn(directive: DirectiveOf<'complete'>, view: ClusterView): void {
    const { epoch, primary } = view;
    if (directive.isOpener || primary === null || primary === this.#region.id) return;
    this.#follow({ kind: 'follow', epoch, source: primary }, view);
    this.phase = 'done';
  }

  #isLogStalled(): boolean {
    return this.#region.world.nowMs < this.#region.stalledLogUntilMs;
  }

  #apply(txn: Transaction): void {
    const { node, log } = this.#region;
    node.append(txn);
    node.progress = { position: txn.position, store: log.store ?? '' };
  }

  #receive(source: SimRegion): void {
    const { log, world } = this.#region;
    const coming = nextAfter(source.log.txns, log.end()) ?? nextAfter(source.node.db, log.end());
    if (coming === undefined) return;
    world.checkPrefix(this.#region, source);
    log.txns.push(coming);
  }

  #complete(directive: DirectiveOf<'complete'>, view: ClusterView): void {
    const { node, log } = this.#region;
    if (this.phase === 'done') return;
    const isSeal = view.prepare?.epoch === directive.sealEpoch;
    if (isSeal && node.fence.sealedEpoch < directive.sealEpoch) {
      throw new Violation('the log is completed before the fence is raised');
    }
    if (directive.isOpener) {
      log.appendFrom(node.db, Infinity);
    } else {
      this.#applyOwnLog(view);
    }
    log.sealedEpoch = Math.max(log.sealedEpoch, directive.sealEpoch);
    this.phase = 'done';
  }

  #applyOwnLog(view: ClusterView): void {
    const { node, log } = this.#region;
    log.dropVoid(node.applied(), view.epoch, view.history);
    for (;;) {
      const txn = nextAfter(log.txns, node.applied());
      if (txn === undefined) return;
      this.#apply(txn);
    }
  }

  #catchUp(directive: DirectiveOf<'catch-up'>, view: ClusterView): void {
    const { node, log, world } = this.#region;
    if (this.phase === 'done') return;
    this.#applyOwnLog(view);
    if (!isPast(directive.cut, node.applied())) {
      this.phase = 'done';
      return;
    }
    const source = world.region(directive.source);
    if (source !== this.#region && !world.isLinked(this.#region, source)) return;
    const missing = nextAfter(source.log.txns, log.end());
    if (missing === undefined || isPast(missing.position, directive.cut)) return;
    log.txns.push(missing);
    this.#apply(missing);
  }

  #lead(directive: DirectiveOf<'lead'>, view: ClusterView): void {
    const { node, log, world } = this.#region;
    const start = positionOf(directive.epoch, 0);
    if ((log.opened?.epoch ?? 0) < directive.epoch) {
      world.noteOpening(this.#region, directive.epoch);
      if (isPast(node.position(), directive.cut) && directive.epoch > 1) {
        throw new Violation('the chosen primary is beyond the cut');
      }
      log.opened = { epoch: directive.epoch, timeline: directive.timeline };
      log.txns.push(startOf(directive.epoch));
    }
    if (this.phase !== 'running') {
      this.phase = 'running';
      this.confirmed ??= start;
    }
    this.counted = view.members;
    const isLogging = !this.#isLogStalled() && world.draw.happens(0.5);
    if (isLogging) log.appendFrom(node.db, world.draw.between(1, 3));
    this.#release(directive.epoch, view);
  }

  /** What the status frames release: semi-sync by the K-th highest member, sync by the lowest. */
  #release(epoch: Epoch, view: ClusterView): void {
    const { node, world } = this.#region;
    if (node.names !== walsenderOf(this.directive)) return;
    const acknowledged = this.#rules.acknowledgements(this.counted, this.peers, epoch);
    const { write, apply } = this.#rules.released(acknowledged, view.k, endOf(node.db));
    this.confirmed = laterPosition(this.confirmed ?? positionOf(epoch, 0), write);
    node.waiting = node.waiting.filter((txn) => {
      const isReleased = !isPast(txn.position, txn.mode === 'sync' ? apply : write);
      if (isReleased && view.k > 0) {
        world.noteConfirmed(txn);
        return false;
      }
      if (view.k > 0) return true;
      // Released unconfirmed, and the reply says so.
      txn.mode = 'async';
      return false;
    });
  }
}

export function walsenderOf(directive: ReplicationDirective): string | null {
  return directive.kind === 'lead' ? directive.walsenderName : null;
}
