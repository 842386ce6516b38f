/**
 * The control log of a region with more than one way to it: its own client, and the other regions
 * for as long as that one brings nothing. Kafka relays nothing by itself: a region that is cut off
 * from the log's leader alone could neither renew its lease nor see another one renewed.
 *
 * Nothing of the log's meaning changes. An append goes one way, once; one that is not acknowledged
 * stays in doubt until it is read back, and whoever wanted it sends it again, maybe another way,
 * which every record bears. Entries come in the order of their offsets, each once, whichever way
 * was faster.
 */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import { isMeridianError, MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { ControlEntry, ControlLog } from '../../../../shared/ports/control-log.ts';
import { chooseAppendPath, isReadStalled, type AppendPath } from '../../core/relay/append-path.ts';
import { merged } from './merged.ts';
import type { PeerLog } from './peer-log.ts';

export interface RelayedControlLogOptions {
  readonly own: ControlLog;
  readonly peers: readonly PeerLog[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of each entry before the reader does. */
  readonly onEntry: (entry: ControlEntry) => void;
}

export class RelayedControlLog implements ControlLog {
  readonly #options: RelayedControlLogOptions;
  #ownFailedAtMs: number | null = null;
  #relayFailedAtMs: number | null = null;
  #ownEntryAtMs = -Infinity;
  #lastPath: AppendPath = 'own';

  constructor(options: RelayedControlLogOptions) {
    this.#options = options;
  }

  async append(record: ControlRecord): Promise<LogOffset> {
    const path = this.#options.peers.length === 0 ? 'own' : chooseAppendPath(this.#facts());
    this.#notePath(path);
    try {
      const offset = await (path === 'own'
        ? this.#options.own.append(record)
        : this.#appendThroughPeer(record));
      if (path === 'own') this.#ownFailedAtMs = null;
      this.#relayFailedAtMs = null;
      return offset;
    } catch (error) {
      if (path === 'own') this.#ownFailedAtMs = this.#nowMs();
      else this.#relayFailedAtMs = this.#nowMs();
      throw error;
    }
  }

  async *read(offset: LogOffset, signal: AbortSignal): AsyncGenerator<ControlEntry> {
    const ending = new AbortController();
    const until = AbortSignal.any([signal, ending.signal]);
    let next = offset;
    const follow = {
      isNeeded: () => isReadStalled(this.#facts()),
      next: () => next,
      signal: until,
    };
    const ways = [
      this.#ownEntries(offset, until),
      ...this.#options.peers.map((peer) => peer.follow(follow)),
    ];
    try {
      for await (const entries of merged(ways)) {
        for (const entry of entries) {
          if (entry.offset < next) continue;
          next = (entry.offset + 1n) as LogOffset;
          this.#options.onEntry(entry);
          yield entry;
        }
      }
    } finally {
      ending.abort();
    }
  }

  lastHeardMs(): number {
    const { own, peers } = this.#options;
    return Math.max(own.lastHeardMs(), ...peers.map(({ heardAtMs }) => heardAtMs));
  }

  async *#ownEntries(offset: LogOffset, signal: AbortSignal): AsyncGenerator<ControlEntry[]> {
    for await (const entry of this.#options.own.read(offset, signal)) {
      this.#ownEntryAtMs = this.#nowMs();
      yield [entry];
    }
  }

  /** The region that was heard last is asked first; another one only if that never got it. */
  async #appendThroughPeer(record: ControlRecord): Promise<LogOffset> {
    for (const peer of this.#options.peers.toSorted((a, b) => b.trust - a.trust)) {
      try {
        return await peer.append(record);
      } catch (error) {
        const isUnsent = isMeridianError(error) && error.details['wasSent'] === false;
        if (!isUnsent) throw inDoubt(record, error);
      }
    }
    throw inDoubt(record, new Error('no other region can be reached'));
  }

  #facts(): Parameters<typeof chooseAppendPath>[0] {
    return {
      nowMs: this.#nowMs(),
      ownFailedAtMs: this.#ownFailedAtMs,
      relayFailedAtMs: this.#relayFailedAtMs,
      ownEntryAtMs: this.#ownEntryAtMs,
    };
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #notePath(path: AppendPath): void {
    if (path === this.#lastPath) return;
    this.#lastPath = path;
    const message =
      path === 'own'
        ? 'the control log is written to directly again'
        : 'the control log is written to through another region';
    this.#options.logger.warn(message);
  }
}

function inDoubt(record: ControlRecord, cause: unknown): MeridianError {
  const message = 'the control log did not acknowledge a record through another region';
  return new MeridianError('LogUnavailable', message, { record: record.kind }, cause);
}
