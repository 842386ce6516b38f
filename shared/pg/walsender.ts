/**
 * A client of PostgreSQL's walsender (manual, section "Streaming Replication Protocol"): `pg` does
 * start-up and authentication; after START_REPLICATION the socket is read here, so that a huge
 * message is joined once and the socket can be paused. Every status frame is the caller's.
 *
 * The server sends each change as soon as it is decoded. While many come, the socket is read only
 * once a millisecond, and what arrives within a moment is taken together: else most time would go
 * into reads of a few hundred bytes and records of a few transactions each.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Lsn } from '../core/lsn.ts';
import { postgresUsOf } from '../core/pgoutput/postgres-time.ts';
import { refusalOf } from '../runtime/link-security.ts';
import { pgConfigOf, type PgTarget } from './client.ts';

/** The three positions of a status frame; a COMMIT waits for one of them. */
export interface StatusPositions {
  readonly write: Lsn;
  readonly flush: Lsn;
  readonly apply: Lsn;
}

export interface Keepalive {
  readonly walEnd: Lsn;
  /** Microseconds since 2000-01-01 UTC on the server's clock. */
  readonly sentAtUs: bigint;
  readonly isReplyRequested: boolean;
}

export interface ReplicationHandlers {
  /** Contents of consecutive XLogData messages, all that arrived together. */
  readonly onData: (messages: readonly Uint8Array[]) => void;
  readonly onKeepalive: (keepalive: Keepalive) => void;
  /** Once, when the stream is over; null: the server ended it. */
  readonly onEnd: (error: Error | null) => void;
}

const copyData = 100;
const errorResponse = 69;
const copyDone = 99;
const xlogData = 119;
const keepalive = 107;

const commitTag = 67;

/**
 * So many transactions are taken at once; then one look in `gatherMs` is what there is. Else a
 * machine that is busy would never get out of making a record of each transaction.
 */
const looksMax = 4;
/** Many changes, within `gatherMs`. */
const manyBytes = 4096;
const gatherBytesMax = 256 * 1024;
const gatherMs = 1;
/** While much arrives, there is a look after 1, 2, 4, 4, … times `gatherMs`. */
const gatherSpanMax = 4;
const readBytesMax = 256 * 1024;

export class Walsender {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  /** Over TLS a pause would hold back pieces that have been read, and let out one at a time. */
  readonly #isStoppable: boolean;
  #handlers: ReplicationHandlers | null = null;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #neededBytes = 0;
  #isEnded = false;
  #isGathering = false;
  /** The caller wants nothing to be read. */
  #isPaused = false;
  #looksLeft = looksMax;
  #countedFromMs = 0;
  #countedBytes = 0;

  private constructor(client: pg.Client, isStoppable: boolean) {
    this.#client = client;
    this.#isStoppable = isStoppable;
    this.#socket = (client as unknown as { connection: { stream: Socket } }).connection.stream;
  }

  /** A walsender connection to `target`'s database. */
  static async connect(target: PgTarget): Promise<Walsender> {
    const config = pgConfigOf(target);
    const isStoppable = config.ssl === undefined;
    const stream = isStoppable ? { stream: stoppableSocket } : {};
    const client = new pg.Client({ ...config, ...stream, replication: 'database' } as object);
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw refusalOf('postgres', error);
    }
    return new Walsender(client, isStoppable);
  }

  /** Runs a statement before streaming begins; every value is text. */
  async query(text: string): Promise<Record<string, string | null>[]> {
    const result = await this.#client.query<Record<string, string | null>>(text);
    return result.rows;
  }

  /** Sends START_REPLICATION; from now on only the handlers hear of the server. */
  startReplication(command: string, handlers: ReplicationHandlers): void {
    this.#handlers = handlers;
    const socket = this.#socket;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => this.#gather(chunk));
    const lose = (error: Error): void => {
      // Why the server ends the stream may be among what was gathered.
      this.#take();
      this.#end(error);
    };
    socket.on('error', lose);
    socket.on('close', () => lose(new Error('the walsender connection was closed')));
    const text = Buffer.from(`${command}\0`);
    const head = Buffer.alloc(5);
    head[0] = 81;
    head.writeUInt32BE(text.byteLength + 4, 1);
    socket.write(Buffer.concat([head, text]));
  }

  /** Sends a status frame; `asksReply`: the server answers with a keepalive at once. */
  sendStatus(positions: StatusPositions, asksReply: boolean): void {
    if (this.#isEnded) return;
    const frame = Buffer.allocUnsafe(39);
    frame[0] = copyData;
    frame.writeUInt32BE(38, 1);
    frame[5] = 114;
    frame.writeBigUInt64BE(positions.write, 6);
    frame.writeBigUInt64BE(positions.flush, 14);
    frame.writeBigUInt64BE(positions.apply, 22);
    frame.writeBigInt64BE(postgresUsOf(Date.now()), 30);
    frame[38] = asksReply ? 1 : 0;
    this.#socket.write(frame);
  }

  /** Stops reading; status frames still go out. */
  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Ends the connection at once. */
  close(): void {
    this.#isEnded = true;
    this.#socket.destroy();
    void this.#client.end().catch(() => undefined);
  }

  #gather(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.byteLength;
    if (this.#isGathering) {
      this.#countedBytes += chunk.byteLength;
      if (this.#pendingBytes >= gatherBytesMax) this.#take();
      if (this.#isStoppable) this.#socket.pause();
      return;
    }
    const passedMs = performance.now() - this.#countedFromMs;
    if (passedMs > gatherMs) {
      this.#looksLeft = Math.min(looksMax, this.#looksLeft + Math.floor(passedMs / gatherMs));
      this.#countedFromMs += passedMs;
      this.#countedBytes = 0;
    }
    this.#countedBytes += chunk.byteLength;
    if (this.#take() === commitTag) this.#looksLeft -= 1;
    const isMuch = this.#looksLeft <= 0 || this.#countedBytes >= manyBytes;
    if (!isMuch || this.#isEnded) return;
    this.#isGathering = true;
    this.#countedBytes = 0;
    this.#gatherOn(1, 1);
  }

  /** Reads what has come, `ticks` times until it is taken; goes on until nothing comes. */
  #gatherOn(ticks: number, span: number): void {
    setTimeout(() => {
      let [left, next] = [ticks - 1, span];
      if (left === 0) {
        this.#take();
        this.#isGathering = this.#countedBytes > 0 && !this.#isEnded;
        next = this.#countedBytes < manyBytes * span ? 1 : Math.min(span * 2, gatherSpanMax);
        left = next;
        this.#countedBytes = 0;
      }
      if (!this.#isPaused && !this.#isEnded) this.#socket.resume();
      if (this.#isGathering) this.#gatherOn(left, next);
      else this.#looksLeft = 1;
    }, gatherMs);
  }

  /** Delivers what is there; returns the tag of the last change, if there was one. */
  #take(): number | undefined {
    if (this.#isEnded || this.#pendingBytes < this.#neededBytes) return undefined;
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    const bytes = this.#pending.length === 1 ? first : Buffer.concat(this.#pending);
    const messages: Uint8Array[] = [];
    let at = 0;
    this.#neededBytes = 5;
    while (bytes.byteLength - at >= 5) {
      const length = 1 + bytes.readUInt32BE(at + 1);
      this.#neededBytes = length;
      if (bytes.byteLength - at < length) break;
      if (bytes[at] === copyData && bytes[at + 5] === xlogData) {
        messages.push(bytes.subarray(at + 30, at + length));
      } else this.#takeOther(bytes.subarray(at, at + length), messages);
      at += length;
      this.#neededBytes = 5;
    }
    const rest = bytes.subarray(at);
    this.#pending = rest.byteLength === 0 ? [] : [rest];
    this.#pendingBytes = rest.byteLength;
    const tag = messages.at(-1)?.[0];
    this.#deliver(messages);
    return tag;
  }

  #takeOther(message: Buffer, messages: Uint8Array[]): void {
    if (message[0] === errorResponse) {
      this.#deliver(messages);
      this.#end(errorOf(message));
    } else if (message[0] === copyDone) {
      this.#deliver(messages);
      this.#end(null);
    } else if (message[0] === copyData && message[5] === keepalive) {
      this.#deliver(messages);
      this.#handlers?.onKeepalive({
        walEnd: message.readBigUInt64BE(6) as Lsn,
        sentAtUs: message.readBigInt64BE(14),
        isReplyRequested: message[22] === 1,
      });
    }
  }

  #deliver(messages: Uint8Array[]): void {
    if (messages.length > 0 && !this.#isEnded) this.#handlers?.onData(messages.splice(0));
  }

  #end(error: Error | null): void {
    if (this.#isEnded) return;
    this.close();
    this.#handlers?.onEnd(error);
  }
}

/** A socket that reads no more at once when it is paused, and later all that came meanwhile. */
function stoppableSocket(): Socket {
  const buffer = Buffer.allocUnsafeSlow(readBytesMax);
  const callback = (length: number): boolean => {
    socket.emit('data', Buffer.from(buffer.subarray(0, length)));
    return true;
  };
  const socket = new Socket({ onread: { buffer, callback } });
  return socket;
}

/** An ErrorResponse as the error that `pg` would throw. */
function errorOf(message: Buffer): Error {
  const fields = new Map<string, string>();
  for (const field of message.subarray(5).toString('utf8').split('\0')) {
    if (field !== '') fields.set(field.slice(0, 1), field.slice(1));
  }
  const error = new Error(fields.get('M') ?? 'the walsender failed');
  return Object.assign(error, { code: fields.get('C') ?? '', severity: fields.get('S') ?? '' });
}
