/**
 * Carries out one directive of the region's controller with the parts of this service. Each run
 * begins from what is stored, so it may be ended at any point and begun again.
 */
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { ClusterView, ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import { zeroLsn } from '../../../shared/core/lsn.ts';
import { postgresUsOf } from '../../../shared/core/pgoutput/postgres-time.ts';
import { isAtOrPast, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { PgTarget } from '../../../shared/pg/client.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { superviseLoop } from '../../../shared/runtime/supervised-loop.ts';
import type { ReplicatorConfig } from '../config.ts';
import { clampToCuts, type Cuts } from '../core/chain-check.ts';
import type { AppliedFacts } from './applier.ts';
import { watchDrift } from './drift-watch.ts';
import { applyOwnLog, follow, type FollowerOptions } from './follower.ts';
import { Leader } from './leader.ts';
import type { OwnLog } from './own-log.ts';
import type { PeerLink } from './region-link.ts';
import { seedLog } from './seeder.ts';
import { StoreRow } from './store-row.ts';
import { UnseenCapture } from './capture/unseen-capture.ts';

type DirectiveOf<Kind extends ReplicationDirective['kind']> = Extract<
  ReplicationDirective,
  { kind: Kind }
>;

export interface RunnerOptions {
  readonly region: RegionId;
  readonly config: ReplicatorConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ownLog: OwnLog;
  readonly links: ReadonlyMap<RegionId, PeerLink>;
  readonly view: () => ClusterView;
  /** The region's own node as the given role; throws while the controller names none. */
  readonly pg: (
    role: 'meridian_applier' | 'meridian_replicator',
  ) => Omit<PgTarget, 'applicationName' | 'options'>;
  /** See QuorumState. */
  readonly syncMembersMin: number;
  readonly onApplied: (facts: AppliedFacts) => void;
  readonly onStore: (store: string) => void;
  readonly onLeader: (leader: Leader | null) => void;
  readonly onChange: () => void;
}

/** What outlives the change from `lead` to `complete` of its epoch: the sessions of a primary. */
export interface Leading {
  readonly leader: Leader;
  readonly unseen: UnseenCapture;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export class DirectiveRunner {
  readonly #options: RunnerOptions;
  /** Roles, settings and the like that differ here from the primary's. */
  drift: readonly string[] = [];
  readonly storeRow: StoreRow;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.storeRow = new StoreRow(options);
  }

  async seed(directive: DirectiveOf<'seed'>, signal: AbortSignal): Promise<void> {
    const { ownLog, config, onStore, onApplied } = this.#options;
    await ownLog.load(signal);
    const { source, epoch, position: at, recoveredTo } = directive;
    const { logQueueBytesMax } = config;
    const of = { ownLog, link: this.#link(source), epoch, position: at, recoveredTo };
    const { position, store } = await seedLog({ ...of, logQueueBytesMax }, signal);
    await this.storeRow.write(position, store);
    onStore(store);
    onApplied({ applied: position, reached: position, timeUs: null, transactions: 0 });
  }

  async follow(directive: DirectiveOf<'follow'>, signal: AbortSignal): Promise<void> {
    await this.storeRow.prepare(signal);
    const link = this.#link(directive.source);
    const options = this.#followerOptions(directive.epoch, directive.epoch);
    const ended = new AbortController();
    const watching = this.#watchDrift(AbortSignal.any([signal, ended.signal]));
    try {
      await follow(options, { link, feed: this.#feed(), target: null }, signal);
    } finally {
      ended.abort();
      await watching;
    }
  }

  async catchUp(directive: DirectiveOf<'catch-up'>, signal: AbortSignal): Promise<void> {
    const position = await this.storeRow.prepare(signal);
    const { epoch, source, cut } = directive;
    const options = this.#followerOptions(epoch, epoch);
    const end = clampToCuts(options.facts().last, options.cuts().history);
    if (source === this.#options.region || isAtOrPast(end, cut)) {
      await applyOwnLog(options, position, signal);
      return;
    }
    await follow(options, { link: this.#link(source), feed: this.#feed(), target: cut }, signal);
  }

  /** A replica's side of a seal: everything in the own log is applied, then `sealed` is logged. */
  async completeReplica(directive: DirectiveOf<'complete'>, signal: AbortSignal): Promise<void> {
    const { epoch, sealEpoch } = directive;
    // Before the first epoch nothing is applied: what was seen in the row is there still.
    const known = epoch === 0 ? await this.storeRow.seenAt(signal) : null;
    const position = known ?? (await this.storeRow.prepare(signal));
    const options = epoch === 0 ? null : this.#followerOptions(epoch, sealEpoch);
    const applied = options === null ? position : await applyOwnLog(options, position, signal);
    await this.#appendSealed(sealEpoch, applied);
  }

  /** The opener's side: its log holds everything up to the WAL end, then `sealed` is logged. */
  async completeOpener(
    directive: DirectiveOf<'complete'>,
    leading: Leading,
    signal: AbortSignal,
  ): Promise<void> {
    const { walEnd, sealEpoch } = directive;
    // What is written into an epoch that has ended would be a tail of this node's own making.
    if (sealEpoch > this.#options.view().epoch) {
      // A process that was started anew has not seen which store it promises for.
      await this.#knowStore(signal);
      await leading.unseen.capture();
    }
    const now = await leading.unseen.walEnd();
    const end = walEnd !== null && walEnd > now ? walEnd : now;
    while (!signal.aborted && !(await leading.leader.waitPassed(end, 500)));
    await this.#options.ownLog.writer.whenBelow(0);
    await sleep(0);
    if (signal.aborted) throw new Error('ended');
    await this.#appendSealed(directive.sealEpoch, leading.leader.logEnd);
  }

  /** Begins to decode the epoch's slot; goes on until it is stopped. */
  async lead(
    of: Pick<DirectiveOf<'lead'>, 'epoch' | 'slot' | 'publication' | 'walsenderName'>,
    signal: AbortSignal,
  ): Promise<Leading> {
    const { ownLog, region, config, clock, pg, onLeader, onChange, logger } = this.#options;
    const facts = await ownLog.load(signal);
    const { epoch, slot, publication, walsenderName } = of;
    const lastEndLsn = facts.last.epoch === epoch ? facts.last.endLsn : zeroLsn;
    const leader = new Leader({
      ...{ epoch, region, lastEndLsn, clock, onChange, ownLog, feed: this.#feed() },
      slot: { pg: pg('meridian_replicator'), slot, publication, walsenderName },
      chunkBytesMax: config.chunkBytesMax,
      queueBytesMax: config.logQueueBytesMax,
      idleIntervalMs: config.idleIntervalMs,
      isFirst: lastEndLsn === zeroLsn,
      syncMembersMin: this.#options.syncMembersMin,
    });
    const { members, k } = this.#options.view();
    leader.setMembers(members, k);
    onLeader(leader);
    const abort = new AbortController();
    const ended = superviseLoop({
      name: 'decoding',
      run: (inner, markHealthy) => leader.run(inner, markHealthy),
      backoff: createBackoff({ firstMs: 50, maxMs: 1000 }),
      logger,
      signal: abort.signal,
    });
    const unseen = new UnseenCapture(pg('meridian_applier'), config.ddlRowsKept);
    return {
      leader,
      unseen,
      ended,
      async stop() {
        abort.abort();
        await ended;
        unseen.close();
        onLeader(null);
      },
    };
  }

  /** `opened` and `epoch-start`, once for an epoch in this log. */
  async openEpoch(directive: DirectiveOf<'lead'>, signal: AbortSignal): Promise<void> {
    const { ownLog, region, clock } = this.#options;
    const facts = await ownLog.load(signal);
    await this.#knowStore(signal);
    const { epoch, timeline, cut } = directive;
    if (facts.startedEpochs.has(epoch)) return;
    const timeUs = postgresUsOf(clock.wallMs());
    // Sent together they are logged in this order.
    await Promise.all([
      ownLog.append({ kind: 'opened', epoch, origin: region, timeline }),
      ownLog.append({ kind: 'epoch-start', epoch, origin: region, cut, timeUs }),
    ]);
  }

  async #knowStore(signal: AbortSignal): Promise<void> {
    if ((await this.storeRow.seenAt(signal)) === null) await this.storeRow.prepare(signal);
  }

  /** Carries sequences, roles and settings every so often until `signal` aborts. */
  async captureUnseen({ unseen }: Leading, signal: AbortSignal): Promise<void> {
    const { config, logger, view } = this.#options;
    await superviseLoop({
      name: 'capture of sequences and roles',
      run: async (inner, markHealthy) => {
        while (!inner.aborted) {
          if (view().isOpen) await unseen.capture();
          markHealthy();
          await sleep(config.sequenceIntervalMs, inner);
        }
      },
      backoff: createBackoff({ firstMs: 200, maxMs: 5000 }),
      logger,
      signal,
    });
  }

  #watchDrift(signal: AbortSignal): Promise<void> {
    const { pg, config, onChange } = this.#options;
    const onDrift = (drift: readonly string[]): void => {
      this.drift = drift;
      onChange();
    };
    const intervalMs = config.driftIntervalMs;
    return watchDrift({ pg: pg('meridian_applier'), intervalMs, onDrift }, signal);
  }

  #followerOptions(epoch: Epoch, fenceEpoch: Epoch): FollowerOptions {
    const { ownLog, config, pg, view, onApplied } = this.#options;
    const facts = ownLog.facts;
    if (facts === null) throw new Error('the own log was not read yet');
    const cuts = (): Cuts => ({ history: view().history, uptoEpoch: view().epoch });
    return {
      applier: {
        pg: pg('meridian_applier'),
        ...{ fenceEpoch, cuts, onApplied },
        incarnation: view().incarnation,
        groupTransactionsMax: config.applyGroupTransactionsMax,
      },
      ...{ ownLog, epoch, cuts },
      queueBytesMax: config.applyQueueBytesMax,
      takeBytesMax: config.applyGroupBytesMax,
      logQueueBytesMax: config.logQueueBytesMax,
      facts: () => ownLog.facts ?? facts,
    };
  }

  async #appendSealed(sealEpoch: Epoch, position: Position): Promise<void> {
    const { ownLog, region } = this.#options;
    if ((ownLog.facts?.sealedEpoch ?? 0) >= sealEpoch) return;
    await ownLog.append({ kind: 'sealed', epoch: sealEpoch, origin: region, position });
  }

  #link(source: RegionId): PeerLink {
    const link = this.#options.links.get(source);
    if (link === undefined) throw new RangeError(`there is no link to ${source}`);
    return link;
  }

  #feed(): NonNullable<OwnLog['feed']> {
    const { feed } = this.#options.ownLog;
    if (feed === null) throw new Error('the own log was not read yet');
    return feed;
  }
}
