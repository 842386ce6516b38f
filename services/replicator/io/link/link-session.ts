/**
 * The serving end of one region link: sends the records a peer asks for, from memory or from the
 * own log, within its byte credit, and hears what it has applied.
 */
import type { WebSocket } from 'ws';
import { endPositionOf } from '../../../../shared/core/commit-record.ts';
import { checkChain, placeAt, type Cuts } from '../../core/chain-check.ts';
import { decodeFrame, encodeFrame, type LinkFrame } from '../../core/link-frame.ts';
import { lateBeginning } from '../../core/log-beginning.ts';
import type { Acknowledgement } from '../../core/quorum-tracker.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import { formatPosition, type Position } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../../shared/ports/clock.ts';
import type { DataLog } from '../../../../shared/ports/data-log.ts';
import { failpoint } from '../../../../shared/runtime/failpoints.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import type { RecordFeed } from '../record-feed.ts';

export interface LinkSource {
  readonly region: RegionId;
  readonly log: DataLog;
  readonly clock: Clock;
  readonly heartbeatIntervalMs: number;
  /** Newest records; null while this region neither leads nor follows. */
  feed(): RecordFeed | null;
  cuts(): Cuts;
  /** Offset from which the own log holds everything after `position`. */
  offsetAfter(position: Position, signal: AbortSignal): Promise<LogOffset>;
  /** A link from `peer` begins. */
  onConnected(peer: RegionId): void;
  onAcknowledged(peer: RegionId, acknowledgement: Acknowledgement): void;
  onHeard(peer: RegionId): void;
}

interface Subscription {
  readonly id: number;
  readonly from: Position;
  readonly abort: AbortController;
  creditBytes: number;
  wake: (() => void) | null;
}

export class LinkSession {
  readonly peer: RegionId;
  readonly #socket: WebSocket;
  readonly #source: LinkSource;
  readonly #timer: NodeJS.Timeout;
  #subscription: Subscription | null = null;
  #heardAtMs: number;

  constructor(peer: RegionId, socket: WebSocket, source: LinkSource) {
    this.peer = peer;
    this.#socket = socket;
    this.#source = source;
    this.#heardAtMs = source.clock.monotonicMs();
    source.onConnected(peer);
    socket.on('message', (data: Buffer) => this.#take(data));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.close());
    this.#send({ kind: 'hello', region: source.region });
    this.#timer = setInterval(() => this.#beat(), source.heartbeatIntervalMs);
  }

  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription?.abort.abort();
    this.#socket.terminate();
  }

  #beat(): void {
    const silentMs = this.#source.clock.monotonicMs() - this.#heardAtMs;
    if (silentMs > this.#source.heartbeatIntervalMs * 3) this.close();
    else this.#send({ kind: 'heartbeat' });
  }

  #take(data: Buffer): void {
    this.#heardAtMs = this.#source.clock.monotonicMs();
    this.#source.onHeard(this.peer);
    const frame = decodeFrame(data);
    const subscription = this.#subscription;
    switch (frame.kind) {
      case 'subscribe':
        this.#subscribe(frame);
        break;
      case 'unsubscribe':
        if (subscription?.id === frame.id) subscription.abort.abort();
        break;
      case 'credit':
        if (subscription?.id !== frame.id) break;
        subscription.creditBytes += frame.bytes;
        subscription.wake?.();
        break;
      case 'applied': {
        const { applied, reached, store } = frame;
        this.#source.onAcknowledged(this.peer, { applied, reached, store });
        break;
      }
      case 'malformed':
        this.close();
        break;
      case 'hello':
      case 'heartbeat':
      case 'record':
      case 'refused':
        break;
    }
  }

  #subscribe(frame: Extract<LinkFrame, { kind: 'subscribe' }>): void {
    this.#subscription?.abort.abort();
    const { id, from, creditBytes } = frame;
    const subscription = { id, from, creditBytes, abort: new AbortController(), wake: null };
    this.#subscription = subscription;
    this.#pump(subscription).catch((error: unknown) => {
      if (!subscription.abort.signal.aborted) {
        const begins = error instanceof LogBeginsLater ? error.begins : null;
        this.#send({ kind: 'refused', id, why: messageOf(error), begins });
      }
    });
  }

  async #pump(subscription: Subscription): Promise<void> {
    const { signal } = subscription.abort;
    let sent = subscription.from;
    while (!signal.aborted) {
      const feed = this.#source.feed();
      if (feed === null) throw new Error('this region does not replicate at the moment');
      const sequence = feed.sequenceAfter(sent);
      if (sequence !== null) sent = await this.#pumpFeed(subscription, { feed, sequence, sent });
      else sent = await this.#pumpLog(subscription, sent);
    }
  }

  /** Sends from memory until records were dropped or there is another feed; returns how far. */
  async #pumpFeed(
    subscription: Subscription,
    from: { readonly feed: RecordFeed; readonly sequence: number; readonly sent: Position },
  ): Promise<Position> {
    const { signal } = subscription.abort;
    const { feed } = from;
    let sent = from.sent;
    let next = from.sequence;
    const stop = feed.onPublished(() => subscription.wake?.());
    try {
      while (!signal.aborted && this.#source.feed() === feed) {
        const entry = feed.at(next);
        if (entry === 'dropped') return sent;
        if (entry === null) {
          await this.#pause(subscription, 1000);
          continue;
        }
        await this.#sendRecord(subscription, entry.bytes);
        sent = entry.record.end ?? sent;
        next += 1;
      }
    } finally {
      stop();
    }
    return sent;
  }

  async #pumpLog(subscription: Subscription, from: Position): Promise<Position> {
    const { log } = this.#source;
    const { signal } = subscription.abort;
    const first = placeAt(from);
    let place = first;
    const offset = await this.#source.offsetAfter(from, signal);
    for await (const entry of log.read(offset, { follow: false, signal })) {
      const { record, bytes } = entry;
      const cuts = this.#source.cuts();
      const verdict = checkChain(place, record, cuts);
      const begins = place === first ? lateBeginning(from, record, { verdict, cuts }) : null;
      if (begins !== null) throw new LogBeginsLater(begins);
      if (verdict.kind === 'gap') throw new Error(`the source lacks what follows: ${verdict.why}`);
      if (verdict.kind === 'skip') continue;
      await this.#sendRecord(subscription, bytes);
      if (signal.aborted) break;
      if (verdict.kind !== 'idle') place = verdict.place;
      const isEnd = endPositionOf(record) !== null;
      const inMemory = this.#source.feed()?.sequenceAfter(place.position) ?? null;
      if (isEnd && inMemory !== null) break;
    }
    if (place.position === from) await sleep(50, signal);
    return place.position;
  }

  async #sendRecord(subscription: Subscription, bytes: Uint8Array): Promise<void> {
    const { signal } = subscription.abort;
    while (subscription.creditBytes <= 0 && !signal.aborted) await this.#pause(subscription, 1000);
    if (signal.aborted) return;
    await failpoint('link.before-send');
    subscription.creditBytes -= bytes.byteLength;
    this.#send({ kind: 'record', id: subscription.id, bytes });
  }

  /** Waits until credit or a record comes, or the time is over. */
  async #pause(subscription: Subscription, ms: number): Promise<void> {
    const { signal } = subscription.abort;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        subscription.wake = null;
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal.addEventListener('abort', finish);
      subscription.wake = finish;
    });
  }

  #send(frame: LinkFrame): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(encodeFrame(frame));
  }
}

/** What was asked for lies before the log. */
class LogBeginsLater extends Error {
  readonly begins: Position;

  constructor(begins: Position) {
    super(`the source's log begins at ${formatPosition(begins)}`);
    this.begins = begins;
  }
}
