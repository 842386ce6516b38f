/**
 * The control log through one other region: appends and reads are calls to its peer API, which
 * answers from its own client of the log.
 */
import { encodeControlRecord } from '../../../../shared/core/control/control-record-codec.ts';
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import { parseLogOffset, type LogOffset } from '../../../../shared/core/log-offset.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { PeerCall, PeerClient } from '../../../../shared/http/peer-client.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { ControlEntry } from '../../../../shared/ports/control-log.ts';
import { createBackoff } from '../../../../shared/runtime/backoff.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { isOtherLog } from '../../core/checkpoint-choice.ts';
import { decodeRelayedEntries, logIdHeader } from '../../core/relay/relayed-entries.ts';
import type { Peer } from '../watch/peer-reports.ts';

export interface PeerLogOptions {
  readonly peer: Peer;
  readonly client: PeerClient;
  readonly clock: Clock;
  /** Which log is read here; null while it is not known. */
  readonly logId: () => string | null;
}

export interface FollowOptions {
  /** Whether this way is needed now; asked again and again. */
  readonly isNeeded: () => boolean;
  /** The entry that is wanted next. */
  readonly next: () => LogOffset;
  readonly signal: AbortSignal;
}

const path = '/peer/control-log';
/** The other region's own bounds of connecting and sending, and the way to it. */
const appendBoundMs = 3000;
const [waitMs, readBoundMs] = [500, 2500] as const;
const lookAgainMs = 100;

export class PeerLog {
  readonly #options: PeerLogOptions;
  #heardAtMs = -Infinity;
  #failedAtMs = -Infinity;

  constructor(options: PeerLogOptions) {
    this.#options = options;
  }

  /** Monotonic time of the last answer that proves the other region's way to the log. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** The higher, the better this way has been lately; 0 when nothing is known of it. */
  get trust(): number {
    if (this.#heardAtMs > this.#failedAtMs) return this.#heardAtMs;
    return this.#failedAtMs === -Infinity ? 0 : -this.#failedAtMs;
  }

  /** Resolves with the offset; rejects LogUnavailable when the outcome is unknown. */
  async append(record: ControlRecord): Promise<LogOffset> {
    const body = { record: encodeControlRecord(record) };
    const answer = await this.#call({ method: 'POST', path, body, timeoutMs: appendBoundMs });
    const offset = parseLogOffset(answer);
    if (offset === null) throw this.#unusable('an append was answered without an offset');
    this.#heardAtMs = this.#options.clock.monotonicMs();
    return offset;
  }

  /** Entries from the wanted one on, for as long as they are needed, until the signal aborts. */
  async *follow(options: FollowOptions): AsyncGenerator<readonly ControlEntry[]> {
    const backoff = createBackoff({ firstMs: 50, maxMs: 1000 });
    while (!options.signal.aborted) {
      if (!options.isNeeded()) {
        await sleep(lookAgainMs, options.signal);
        continue;
      }
      const entries = await this.#read(options.next()).catch(passing);
      if (entries === null) {
        await sleep(backoff.nextMs(), options.signal);
        continue;
      }
      backoff.reset();
      if (entries.length === 0) continue;
      this.#heardAtMs = this.#options.clock.monotonicMs();
      yield entries;
    }
  }

  async #read(from: LogOffset): Promise<readonly ControlEntry[]> {
    const query = `${path}?from=${from}&waitMs=${waitMs}`;
    const call = { method: 'GET', path: query, timeoutMs: readBoundMs } as const;
    const decoded = decodeRelayedEntries(await this.#call(call));
    if (decoded.kind === 'entries') return decoded.entries;
    if (decoded.kind === 'malformed') throw this.#unusable(decoded.why);
    throw new MeridianError('ProtocolViolation', `a control record is unknown: ${decoded.why}`, {
      relay: this.#options.peer.region,
      hint: 'run the version of Meridian that the other regions run',
    });
  }

  async #call(call: PeerCall): Promise<string> {
    const { client, peer, clock } = this.#options;
    try {
      const reply = await client.request(peer.origin, call);
      if (reply.status !== 200) throw this.#unusable(`it answered ${reply.status}`);
      const theirs = reply.headers[logIdHeader];
      if (typeof theirs === 'string' && isOtherLog(theirs, this.#options.logId())) {
        throw this.#unusable('it reads another log');
      }
      return reply.body;
    } catch (error) {
      this.#failedAtMs = clock.monotonicMs();
      throw error;
    }
  }

  #unusable(why: string): MeridianError {
    const { region } = this.#options.peer;
    return new MeridianError('LogUnavailable', `no control log through ${region}: ${why}`);
  }
}

/** Null for what may pass; a record that this program cannot read does not. */
function passing(error: unknown): null {
  if (error instanceof MeridianError && error.code === 'ProtocolViolation') throw error;
  return null;
}
