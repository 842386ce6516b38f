/**
 * Follows the directives of the region's controller: one piece of work at a time, the next begins
 * when the one before has ended, each is repeated after a failure until another is asked for.
 */
import type { ClusterView, ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import { unixMsOf } from '../../../shared/core/pgoutput/postgres-time.ts';
import { zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import type { LogOverrun, ReplicationReport } from '../../../shared/core/replication-report.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { superviseLoop } from '../../../shared/runtime/supervised-loop.ts';
import { grainOf } from '../core/log-map.ts';
import { changeOfDirective, epochNames, reportedLogEnd, workOf } from '../core/directive.ts';
import type { ReplicatorDependencies } from './dependencies.ts';
import type { AppliedFacts } from './applier.ts';
import { DirectiveRunner, type Leading } from './directive-runner.ts';
import type { Leader } from './leader.ts';
import type { LinkSource } from './link/link-session.ts';
import { nodeTarget } from './node-target.ts';
import { overrunIn } from './log-refusal.ts';
import { OwnLog } from './own-log.ts';
import { ownSource } from './link/own-source.ts';
import { PeerTable } from './link/peer-table.ts';
import { retentionOf } from './retention/retention-parts.ts';
import { summaryRow } from './retention/summary-row.ts';

interface Work {
  readonly directive: ReplicationDirective;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

const idleDirective: ReplicationDirective = { kind: 'idle', why: 'no directive yet' };

export class Replication {
  readonly #deps: ReplicatorDependencies;
  readonly #ownLog: OwnLog;
  readonly #runner: DirectiveRunner;
  readonly #peers: PeerTable;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<(report: ReplicationReport) => void>();
  readonly linkSource: LinkSource;
  /** Whether a peer's link to this region is open. */
  isInbound: (peer: RegionId) => boolean = () => false;
  #work: Work | null = null;
  #leading: Leading | null = null;
  #leader: Leader | null = null;
  #changing: Promise<void> = Promise.resolve();
  #phase: ReplicationReport['phase'] = 'starting';
  #why = '';
  #store: string | null = null;
  #applied: Position = zeroPosition;
  #freshAtMs: number | null = null;
  #overrun: LogOverrun | null = null;
  #warnings: readonly string[] = [];
  #isNotifying = false;

  constructor(deps: ReplicatorDependencies) {
    this.#deps = deps;
    const { config, region, dataLog, clock, logger, regionControl } = deps;
    this.#ownLog = new OwnLog({
      log: dataLog,
      region,
      clock,
      appendBytesMax: config.appendBytesMax,
      feedBytesMax: config.feedBytesMax,
      grain: grainOf(config),
      readSummary: () =>
        summaryRow(() => nodeTarget(deps, regionControl.view().node, 'meridian_applier')).read(),
      signal: this.#abort.signal,
    });
    this.#peers = new PeerTable(deps);
    this.linkSource = ownSource(deps, this.#ownLog, {
      onConnected: (peer) => this.#peers.connect(peer),
      onAcknowledged: (peer, acknowledgement) => {
        this.#peers.acknowledge(peer, acknowledgement);
        this.#leader?.acknowledge(peer, acknowledgement);
        this.#notify();
      },
      onHeard: (peer) => this.#peers.hear(peer),
    });
    const { syncRequires } = deps.cluster.durability;
    this.#runner = new DirectiveRunner({
      ...{ region, config, clock, logger },
      syncMembersMin: syncRequires === 'regions' ? deps.cluster.regions.length - 1 : 0,
      ownLog: this.#ownLog,
      links: this.#peers.links,
      view: () => regionControl.view(),
      pg: (role) => nodeTarget(deps, regionControl.view().node, role),
      onApplied: (facts) => this.#onApplied(facts),
      onStore: (store) => {
        this.#store = store;
        this.#notify();
      },
      onLeader: (leader) => {
        this.#leader = leader;
        this.#notify();
      },
      onChange: () => this.#notify(),
    });
  }

  start(): void {
    for (const link of this.#peers.links.values()) void link.run(this.#abort.signal);
    const { regionControl } = this.#deps;
    const stop = regionControl.onChange((view) => this.#onView(view));
    this.#abort.signal.addEventListener('abort', stop);
    const retention = retentionOf(this.#deps, {
      ownLog: this.#ownLog,
      report: () => this.report(),
      peers: () => this.#peers.acknowledgements(this.isInbound),
      onWarnings: (warnings) => {
        this.#warnings = warnings;
        this.#notify();
      },
    });
    void retention.run(this.#abort.signal);
    this.#onView(regionControl.view());
  }

  async stop(): Promise<void> {
    this.#work?.abort.abort();
    await this.#changing;
    await this.#work?.ended;
    await this.#leading?.stop();
    this.#abort.abort();
  }

  report(): ReplicationReport {
    const { facts } = this.#ownLog;
    const { history } = this.#deps.regionControl.view();
    const leader = this.#leader;
    const directive = this.#work?.directive ?? idleDirective;
    return {
      directive,
      phase: this.#phase,
      why: leader?.failure ?? this.#why,
      store: this.#store,
      applied: leader?.logEnd ?? this.#applied,
      logEnd: leader?.logEnd ?? reportedLogEnd(directive, facts?.last ?? zeroPosition, history),
      confirmed: leader?.confirmed ?? null,
      countedMembers: leader?.countedMembers ?? [],
      logWaitMs: this.#ownLog.writer.waitMs,
      freshAtMs: leader === null ? this.#freshAtMs : leader.freshAtMs,
      sealedEpoch: facts?.sealedEpoch ?? 0,
      opened: facts?.opened ?? null,
      drift: this.#runner.drift,
      warnings: this.#warnings,
      overrun: this.#overrun,
      peers: this.#peers.statuses(this.isInbound),
    };
  }

  onChange(listener: (report: ReplicationReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async lastRecordAtOrBelow(lsn: Lsn, waitMs: number): Promise<Position | null> {
    return (await this.#leader?.lastRecordAtOrBelow(lsn, waitMs)) ?? null;
  }

  holders(position: Position): { readonly held: number; readonly members: number } {
    return this.#leader?.holders(position) ?? { held: 0, members: 0 };
  }

  unreleasedXids(upTo: Position): readonly number[] {
    return this.#leader?.unreleasedXids(upTo) ?? [];
  }

  #onView(view: ClusterView): void {
    this.#leader?.setMembers(view.members, view.k);
    void this.#runner.storeRow.see(view, this.#abort.signal).catch(() => undefined);
    const current = this.#work?.directive ?? null;
    const change = changeOfDirective(current, view.replication);
    if (change.kind === 'keep') return;
    this.#changing = this.#changing.then(() => this.#change());
  }

  /** Ends the work under way and begins what the latest view asks for. */
  async #change(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const directive = this.#deps.regionControl.view().replication;
    const change = changeOfDirective(this.#work?.directive ?? null, directive);
    if (change.kind === 'keep') return;
    this.#work?.abort.abort();
    await this.#work?.ended;
    if (change.kind !== 'complete-leading') {
      await this.#leading?.stop();
      this.#leading = null;
    }
    const abort = new AbortController();
    this.#overrun = null;
    this.#setPhase('starting', '');
    this.#deps.logger.info({ directive: workOf(directive) }, 'replication directed');
    const ended = this.#runUntilDone(directive, abort.signal);
    this.#work = { directive, abort, ended };
    this.#notify();
  }

  /** Repeats the work after failures until it is done or ended. */
  async #runUntilDone(directive: ReplicationDirective, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    await superviseLoop({
      name: `replication ${directive.kind}`,
      run: async () => {
        try {
          await this.#run(directive, signal);
          if (!signal.aborted) this.#setPhase('done', '');
          done.abort();
        } catch (error) {
          if (!signal.aborted) this.#noteFailure(error);
          throw error;
        }
      },
      backoff: createBackoff({ firstMs: 50, maxMs: 2000 }),
      logger: this.#deps.logger,
      signal: AbortSignal.any([signal, done.signal]),
    });
  }

  async #run(directive: ReplicationDirective, signal: AbortSignal): Promise<void> {
    switch (directive.kind) {
      case 'idle':
        return;
      case 'seed':
        return this.#runner.seed(directive, signal);
      case 'follow':
        return this.#runner.follow(directive, signal);
      case 'catch-up':
        return this.#runner.catchUp(directive, signal);
      case 'complete': {
        if (!directive.isOpener) return this.#runner.completeReplica(directive, signal);
        const leading = await this.#lead(epochNames(directive.epoch, this.#deps.region), signal);
        await this.#runner.completeOpener(directive, leading, signal);
        await leading.stop();
        this.#leading = null;
        return;
      }
      case 'lead': {
        await this.#runner.openEpoch(directive, signal);
        const leading = await this.#lead(directive, signal);
        this.#setPhase('running', '');
        return this.#runner.captureUnseen(leading, signal);
      }
    }
  }

  async #lead(
    of: Pick<
      Extract<ReplicationDirective, { kind: 'lead' }>,
      'epoch' | 'slot' | 'publication' | 'walsenderName'
    >,
    signal: AbortSignal,
  ): Promise<Leading> {
    this.#leading ??= await this.#runner.lead(of, signal);
    return this.#leading;
  }

  #onApplied(facts: AppliedFacts): void {
    const directive = this.#work?.directive;
    if (directive?.kind === 'follow' && this.#phase !== 'running') this.#setPhase('running', '');
    this.#applied = facts.applied;
    if (facts.transactions > 0) this.#overrun = null;
    if (facts.timeUs !== null) this.#freshAtMs = unixMsOf(facts.timeUs);
    const store = this.#store;
    if (store !== null) {
      for (const link of this.#peers.links.values())
        link.acknowledge(facts.applied, store, facts.reached);
    }
    this.#notify();
  }

  #noteFailure(error: unknown): void {
    const codes = ['Divergence', 'ProtocolViolation', 'LogUnavailable'] as const;
    this.#overrun = overrunIn(error, this.#deps.region) ?? this.#overrun;
    const isStuck = codes.some((code) => isMeridianError(error, code));
    this.#setPhase(isStuck ? 'failed' : 'starting', messageOf(error));
    if (isStuck) this.#deps.logger.error({ err: error }, 'replication stopped');
  }

  #setPhase(phase: ReplicationReport['phase'], why: string): void {
    this.#phase = phase;
    this.#why = why;
    this.#notify();
  }

  /** Tells the listeners once for all changes of this turn of the event loop. */
  #notify(): void {
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    setImmediate(() => {
      this.#isNotifying = false;
      const report = this.report();
      for (const listener of this.#listeners) listener(report);
    });
  }
}
