/**
 * Kept-alive connections to one plain HTTP/1.1 origin, for requests without a body that may be
 * repeated. Requests leave at the end of a turn of the event loop, behind what it has read, and no
 * connection carries its next one in the turn that brought its last reply: what the upstream has
 * sent behind that, its close included, has been read by then, and the connection left the list.
 */
import type { LookupFunction } from 'node:net';
import { errors } from 'undici';
import { PlainConnection, type ConnectionOwner } from './plain-connection.ts';
import type { PlainRequest } from './plain-request.ts';

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
  /** The one used last is used next. */
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
      request.fail(new errors.ClientDestroyedError());
      return;
    }
    request.start();
    this.#waiting.push(request);
    this.#atEndOfTurn();
  }

  destroy(): void {
    this.#isDestroyed = true;
    for (const connection of [...this.#all]) connection.end(new errors.ClientDestroyedError());
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const request of waiting) request.fail(new errors.ClientDestroyedError());
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
    if (this.#waiting.length > 0) this.#sendWaiting();
    for (const connection of this.#settling) {
      if (!this.#all.has(connection)) continue;
      connection.isFree = true;
      this.#free.push(connection);
    }
    this.#settling = [];
    if (this.#waiting.length > 0 && this.#free.length > 0) this.#atEndOfTurn();
  }

  #sendWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, request] of waiting.entries()) {
      // Given up while it waited.
      if (request.aborted) continue;
      const connection = this.#next();
      if (connection === null) {
        this.#waiting = waiting.slice(index).filter(({ aborted }) => !aborted);
        return;
      }
      connection.send(request);
    }
  }

  /** Null: as many as there may be are at work. */
  #next(): PlainConnection | null {
    const used = this.#free.pop();
    if (used !== undefined) {
      used.isFree = false;
      return used;
    }
    if (this.#all.size >= this.#connectionsMax) return null;
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
