/** One connection to one broker, kept open and opened again by whoever needs it next. */
import { Connection } from '@platformatic/kafka';
import type { Clock } from '../ports/clock.ts';
import { kafkaAccess, type KafkaAccess } from './external/kafka-access.ts';
import { kafkaRefusal } from './kafka-refusal.ts';

export interface BrokerLineOptions {
  readonly clientId: string;
  readonly clock: Clock;
  /** Bound of connecting, and of each request beyond the caller's own. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How it is let in, if not as the region's own client. */
  readonly access?: KafkaAccess;
}

/** A broker that refused is tried again no sooner. */
const restMs = 200;

export class BrokerLine {
  /** `host:port`. */
  readonly address: string;
  readonly #options: BrokerLineOptions;
  #connection: Connection | null = null;
  #opening: Promise<Connection | null> | null = null;
  #failedAtMs = -Infinity;
  #isClosed = false;

  constructor(address: string, options: BrokerLineOptions) {
    this.address = address;
    this.#options = options;
  }

  get connected(): Connection | null {
    return this.#connection?.isConnected() === true ? this.#connection : null;
  }

  /** The open connection; null when the broker cannot be reached now. Never rejects. */
  open(): Promise<Connection | null> {
    const { connected } = this;
    if (connected !== null) return Promise.resolve(connected);
    this.#opening ??= this.#connect().finally(() => (this.#opening = null));
    return this.#opening;
  }

  /** Gives up the connection, for instance because its broker is silent. */
  drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.socket.destroy();
  }

  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  async #connect(): Promise<Connection | null> {
    const { clientId, clock, connectTimeoutMs, requestTimeoutMs, access } = this.#options;
    if (this.#isClosed || clock.monotonicMs() - this.#failedAtMs < restMs) return null;
    const connection = new Connection(clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      ...(access ?? kafkaAccess()),
    });
    connection.on('error', () => undefined);
    const colon = this.address.lastIndexOf(':');
    const [host, port] = [this.address.slice(0, colon), Number(this.address.slice(colon + 1))];
    try {
      await connection.connect(host, port);
    } catch (error) {
      kafkaRefusal(error);
      this.#failedAtMs = clock.monotonicMs();
      return null;
    }
    // A close meanwhile found no connection to end.
    if (this.#isClosed as boolean) {
      connection.socket.destroy();
      return null;
    }
    this.#connection = connection;
    return connection;
  }
}
