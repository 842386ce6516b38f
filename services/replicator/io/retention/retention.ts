/**
 * Keeps the own log and the WAL that slots hold within their limits: looks every so often who
 * needs what, deletes what `core/log-retention` says, and tells when a limit is near.
 */
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import {
  comparePositions,
  formatPosition,
  laterPosition,
  type Position,
} from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { ReplicationReport } from '../../../../shared/core/replication-report.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import type { Metrics } from '../../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../../shared/metrics/names.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import { createBackoff } from '../../../../shared/runtime/backoff.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { superviseLoop } from '../../../../shared/runtime/supervised-loop.ts';
import type { ReplicatorConfig } from '../../config.ts';
import { clampToCuts } from '../../core/chain-check.ts';
import { logAlarms, walAlarms } from '../../core/log-alarms.ts';
import { noReaders, readersOf, stepReaders, type ReaderFacts } from '../../core/log-readers.ts';
import { decideTrim, type HeldLog, type LogReader } from '../../core/log-retention.ts';
import type { PeerAcknowledgement } from '../link/peer-table.ts';
import type { NodeTarget } from '../node-target.ts';
import type { OwnLog } from '../own-log.ts';
import { keptWal, standbyPosition, type StandbyPlace } from './node-facts.ts';
import { summaryRow } from './summary-row.ts';

/** A start reads at most about this part of what is kept when everybody has it. */
const summariesPerKeep = 8;

export interface RetentionOptions {
  readonly region: RegionId;
  readonly config: ReplicatorConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ownLog: OwnLog;
  readonly view: () => ClusterView;
  readonly report: () => ReplicationReport;
  readonly peers: () => readonly PeerAcknowledgement[];
  /** The region's own node; throws while the controller names none. */
  readonly node: () => NodeTarget;
  /** The region's other nodes. */
  readonly standbys: () => readonly StandbyPlace[];
  readonly onWarnings: (warnings: readonly string[]) => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #gauges;
  #known = noReaders;
  #standbyFacts = new Map<string, ReaderFacts>();
  #told = '';
  /** Bytes that the log had taken, and where it began, when its summary was last kept. */
  #kept: { readonly totalBytes: number; readonly begins: Position } | null = null;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#gauges = {
      log: metrics.gauge(metricNames.dataLogBytes),
      wal: metrics.gauge(metricNames.slotWalBytes),
    };
  }

  /** Looks until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, logger } = this.#options;
    await superviseLoop({
      name: 'retention of the data log',
      run: async (inner, markHealthy) => {
        while (!inner.aborted) {
          await this.#look();
          markHealthy();
          await sleep(config.retentionIntervalMs, inner);
        }
      },
      backoff: createBackoff({ firstMs: 1000, maxMs: 30_000 }),
      logger,
      signal,
    });
  }

  async #look(): Promise<void> {
    const { ownLog, config, node } = this.#options;
    const wal = await keptWalOf(node);
    this.#gauges.wal.reset();
    for (const { slot, bytes } of wal) this.#gauges.wal.set({ slot }, bytes);
    const readers = await this.#readers();
    const { held } = ownLog;
    if (held === null || readers === null) return this.#tell(walAlarms(wal));
    await this.#trim(readers);
    const after = ownLog.held ?? held;
    await this.#keepSummary(after);
    this.#gauges.log.set({ of: 'held' }, after.heldBytes);
    this.#gauges.log.set({ of: 'limit' }, config.logBytesMax);
    this.#tell([...logAlarms(after, readers, config.logBytesMax), ...walAlarms(wal)]);
  }

  async #trim(readers: readonly LogReader[]): Promise<void> {
    const { ownLog, config, clock, logger, view } = this.#options;
    const { held } = ownLog;
    if (held === null || !this.#isSettled()) return;
    const limits = {
      keepMs: config.logKeepMs,
      keepBytes: config.logKeepBytes,
      bytesMax: config.logBytesMax,
    };
    const decision = decideTrim(held, { readers, limits }, clock.wallMs());
    if (decision.kind === 'keep') return;
    const { to, passed, why } = decision;
    await ownLog.trim(to, view().epoch);
    const facts = { logOffset: to.offset, begins: formatPosition(to.end), why };
    logger.info(facts, 'data log trimmed');
    for (const { name } of passed) {
      logger.warn({ reader: name, ...facts }, 'a region is away for longer than the log can keep');
    }
  }

  /** Leaves what a start need not read, once enough has been appended or the log begins later. */
  async #keepSummary({ totalBytes, begins }: HeldLog): Promise<void> {
    const { ownLog, config, node } = this.#options;
    const kept = this.#kept;
    const isDue =
      kept === null ||
      comparePositions(kept.begins, begins) !== 0 ||
      Math.abs(totalBytes - kept.totalBytes) >= config.logKeepBytes / summariesPerKeep;
    const summary = isDue && this.#isSettled() ? ownLog.summary : null;
    if (summary === null) return;
    await summaryRow(node).write(summary);
    this.#kept = { totalBytes, begins };
  }

  /**
   * Whether the history goes on undisturbed, here and everywhere: this region leads or follows in
   * the folded epoch, and its log has reached it. At any other time nothing is deleted: cuts,
   * tails and catching up may need it.
   */
  #isSettled(): boolean {
    const { view, report } = this.#options;
    const { epoch, prepare } = view();
    const { directive, phase, logEnd, store } = report();
    if (directive.kind !== 'lead' && directive.kind !== 'follow') return false;
    if (phase !== 'running' || store === null || prepare !== null) return false;
    return directive.epoch === epoch && logEnd.epoch === epoch;
  }

  /** Who may need the own log; null while that is not to be told. */
  async #readers(): Promise<readonly LogReader[] | null> {
    const { ownLog, report, clock, config } = this.#options;
    const { held } = ownLog;
    if (held === null) return null;
    const { directive, logEnd, applied } = report();
    const leading = directive.kind === 'lead' ? directive.epoch : null;
    const facts = [...this.#regions(logEnd), ...(await this.#standbys(leading))];
    const nowMs = clock.monotonicMs();
    this.#known = stepReaders(this.#known, { facts, logEnd, begins: held.begins }, nowMs);
    const readers = readersOf(this.#known, config.logAwayAfterMs, nowMs);
    // The node that leads has everything in its WAL; any other is completed from the log.
    const own = { name: 'the own node', position: applied, isActive: true };
    return leading === null ? [own, ...readers] : readers;
  }

  /** The other regions, but the one whose log this one copies. */
  #regions(logEnd: Position): ReaderFacts[] {
    const { peers, view } = this.#options;
    const { history, primary, epoch, reports } = view();
    const source = logEnd.epoch === epoch ? primary : null;
    return peers()
      .filter(({ region }) => region !== source)
      .map(({ region, isConnected, applied, ackedAtMs }) => {
        const said = reports.find(({ id }) => id === region) ?? null;
        const position = laterOf(applied, said?.position ?? null);
        return {
          name: region,
          isConnected,
          position: position === null ? null : clampToCuts(position, history),
          heardAtMs: ackedAtMs,
          role: said?.role ?? null,
        };
      });
  }

  /** The own region's standbys; one that does not answer is where it was last. */
  async #standbys(leadingEpoch: number | null): Promise<ReaderFacts[]> {
    const { standbys, clock } = this.#options;
    const asked = standbys().map(async ({ id, target }): Promise<ReaderFacts> => {
      const last = this.#standbyFacts.get(id)?.position ?? null;
      const position = await standbyPosition(target, leadingEpoch).catch(() => null);
      const heardAtMs = clock.monotonicMs();
      const isConnected = position !== null;
      return { name: id, isConnected, position: position ?? last, heardAtMs, role: null };
    });
    const facts = await Promise.all(asked);
    this.#standbyFacts = new Map(facts.map((one) => [one.name, one]));
    return facts;
  }

  #tell(warnings: readonly string[]): void {
    const { onWarnings, logger } = this.#options;
    const text = warnings.join('; ');
    if (text === this.#told) return;
    this.#told = text;
    for (const why of warnings) logger.warn({ why }, 'a limit of the disk is near');
    onWarnings(warnings);
  }
}

/** Nothing while the node does not answer. */
async function keptWalOf(node: () => NodeTarget): ReturnType<typeof keptWal> {
  try {
    return await keptWal(node());
  } catch {
    return [];
  }
}

function laterOf(a: Position | null, b: Position | null): Position | null {
  return a === null || b === null ? (a ?? b) : laterPosition(a, b);
}
