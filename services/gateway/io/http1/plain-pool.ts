/**
 * Kept-alive connections to one plain HTTP/1.1 origin, for requests without a body that may be
 * repeated. Requests leave at the end of a turn of the event loop, behind what it has read: a
 * connection that the upstream has closed, or sent more to, has left the list by then.
 */
import type { LookupFunction } from 'node:net';
import { errors } from 'undici';
import {
  noController,
  PlainConnection,
  type ConnectionOwner,
  type PlainRequest,
} from './plain-connection.ts';

export interface PlainPoolOptions {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
  readonly connectMs: number;
  readonly lookup: LookupFunction;
}

/** How late a time-out may be noticed. */
const lookMs = 50;

export class PlainPool implements ConnectionOwner {
  readonly host: string;
  readonly port: number;
  readonly connectMs: number;
  readonly lookup: LookupFunction;
  readonly #connectionsMax: number;
  readonly #all = new Set<PlainConnection>();
  /** The one used last is used next; some at its begin may be closed. */
  #free: PlainConnection[] = [];
  /** Became free in this turn. */
  #settling: PlainConnection[] = [];
  #waiting: PlainRequest[] = [];
  #isTurnEnding = false;
  #isDestroyed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: PlainPoolOptions) {
    this.host = options.host;
    this.port = options.port;
    this.connectMs = options.connectMs;
    this.lookup = options.lookup;
    this.#connectionsMax = options.connectionsMax;
  }

  send(request: PlainRequest): void {
    if (this.#isDestroyed) {
      request.handler.onResponseError?.(noController, new errors.ClientDestroyedError());
      return;
    }
    this.#waiting.push(request);
    this.#atEndOfTurn();
  }

  destroy(): void {
    this.#isDestroyed = true;
    for (const connection of [...this.#all]) connection.end(new errors.ClientDestroyedError());
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { handler } of waiting) {
      handler.onResponseError?.(noController, new errors.ClientDestroyedError());
    }
  }

  nowMs(): number {
    return performance.now();
  }

  onFree(connection: PlainConnection): void {
    this.#settling.push(connection);
    this.#atEndOfTurn();
  }

  onClosed(connection: PlainConnection): void {
    this.#all.delete(connection);
    if (connection.isFree) this.#free = this.#free.filter((one) => one !== connection);
    connection.isFree = false;
    if (this.#waiting.length > 0) this.#atEndOfTurn();
  }

  #atEndOfTurn(): void {
    if (this.#isTurnEnding) return;
    this.#isTurnEnding = true;
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#isTurnEnding = false;
    const waiting = this.#waiting;
    if (waiting.length > 0) {
      this.#waiting = [];
      for (const request of waiting) {
        const connection = this.#next();
        if (connection === null) this.#waiting.push(request);
        else connection.send(request);
      }
    }
    for (const connection of this.#settling) {
      if (!this.#all.has(connection)) continue;
      connection.isFree = true;
      this.#free.push(connection);
    }
    this.#settling = [];
  }

  /** Null: as many as there may be are at work. */
  #next(): PlainConnection | null {
    for (;;) {
      const used = this.#free.pop() ?? this.#settling.pop();
      if (used === undefined) break;
      used.isFree = false;
      if (this.#all.has(used)) return used;
    }
    if (this.#all.size >= this.#connectionsMax || this.#isDestroyed) return null;
    const made = new PlainConnection(this);
    this.#all.add(made);
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    return made;
  }

  #look(): void {
    const nowMs = this.nowMs();
    for (const connection of this.#all) if (nowMs >= connection.deadlineMs) connection.expire();
    if (this.#all.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
