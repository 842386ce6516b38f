/**
 * Proofs of freshness for a region that is not primary: the primary's clock and newest position,
 * asked for in the background, and the replicator's proven times. No clock of ours is trusted.
 */
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { superviseLoop } from '../../../shared/runtime/supervised-loop.ts';
import { parseNow, type PrimaryNow } from '../core/primary-now.ts';
import { freshFromWall, type ClockAnchor } from '../core/staleness.ts';
import type { NodeWatcher } from './node-watcher.ts';

export interface FreshnessFeedOptions {
  readonly region: RegionId;
  readonly control: RegionControl;
  readonly status: ReplicationStatus;
  readonly watcher: NodeWatcher;
  readonly clock: Clock;
  readonly logger: Logger;
  /** GET /peer/now of that region's router; throws when it does not answer in time. */
  readonly ask: (region: RegionId, timeoutMs: number) => Promise<unknown>;
  readonly intervalMs: number;
}

const askTimeoutMs = 2000;

export class FreshnessFeed {
  readonly #options: FreshnessFeedOptions;
  readonly #stopping = new AbortController();
  #anchor: { readonly epoch: number; readonly clock: ClockAnchor } | null = null;
  #stopListening: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: FreshnessFeedOptions) {
    this.#options = options;
  }

  start(): void {
    const { status, logger } = this.#options;
    this.#stopListening = status.onChange(() => this.#noteReport());
    const backoff = createBackoff({ firstMs: 200, maxMs: 2000 });
    const { signal } = this.#stopping;
    const run = (): Promise<void> => this.#run();
    this.#loop = superviseLoop({ name: 'freshness', run, backoff, logger, signal });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopListening();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { control, region, intervalMs, ask, clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { primary } = control.view();
      if (primary !== null && primary !== region) {
        const sentAtMs = clock.monotonicMs();
        const now = parseNow(await ask(primary, askTimeoutMs));
        if (now === null) {
          throw new MeridianError('ProtocolViolation', 'A router did not say its time.');
        }
        this.#noteAnswer(now, sentAtMs);
      }
      await sleep(intervalMs, signal);
    }
  }

  #noteAnswer(now: PrimaryNow, sentAtMs: number): void {
    // The nearer to the truth, the shorter the question took; an older anchor only drifts.
    this.#anchor = { epoch: now.epoch, clock: { sentAtMs, wallMs: now.wallMs } };
    if (now.newest !== null) {
      const { position, ageMs } = now.newest;
      this.#options.watcher.addProof({ position, freshAtMs: sentAtMs - ageMs });
    }
    this.#noteReport();
  }

  #noteReport(): void {
    const { status, watcher, clock } = this.#options;
    watcher.recheck();
    const { applied, freshAtMs } = status.report();
    const anchor = this.#anchor;
    if (freshAtMs === null || anchor === null || anchor.epoch !== applied.epoch) return;
    const provenMs = freshFromWall(freshAtMs, anchor.clock, clock.monotonicMs());
    watcher.addProof({ position: applied, freshAtMs: provenMs });
  }
}
