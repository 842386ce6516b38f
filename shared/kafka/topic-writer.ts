/**
 * Appends to partition 0 of one topic through kafkajs, with deadlines of its own: a broker that
 * accepts connections and never answers costs one deadline, then the client is rebuilt and asks
 * another broker first. One client per topic, because a leaderless partition of one topic makes
 * kafkajs's metadata refresh fail for all topics of that client.
 */
import net from 'node:net';
import tls from 'node:tls';
import { Kafka, logLevel, Partitioners, type Producer, type SASLOptions } from 'kafkajs';
import { withDeadline } from '../runtime/sleep.ts';
import { clientTls, serverNameOf } from '../runtime/link-security.ts';
import { externalKafka, kafkaAccess, type KafkaAccess } from './external/kafka-access.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { LateAnswer } from './late-answer.ts';
import { rotated, type TopicTarget } from './topic.ts';

export interface TopicWriterOptions extends TopicTarget {
  /** Bound of one append on a connected client. */
  readonly sendDeadlineMs: number;
  /** Bound of connecting a new client. */
  readonly connectDeadlineMs: number;
}

interface Connected {
  readonly producer: Producer;
  readonly sockets: Set<net.Socket>;
  readonly ready: Promise<void>;
}

export class TopicWriter {
  readonly #options: TopicWriterOptions;
  #current: Connected | null = null;
  #builds = 0;
  #failures = 0;
  #isClosed = false;
  #lastHeardMs = -Infinity;

  constructor(options: TopicWriterOptions) {
    this.#options = options;
  }

  /** Monotonic time of the last acknowledgement. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /**
   * Appends `values` as one batch with acks=all and returns the offset of the last. Rejects with
   * the client's error or after a deadline: whether anything was appended is then unknown.
   */
  async send(values: readonly Uint8Array[]): Promise<bigint> {
    const connected = (this.#current ??= this.#build());
    try {
      const last = await this.#sendOn(connected, values);
      this.#failures = 0;
      this.#lastHeardMs = this.#options.clock.monotonicMs();
      return last;
    } catch (error) {
      this.#noteFailure(connected, error);
      throw kafkaRefusal(error) ?? error;
    }
  }

  /** Ends the connections at once. */
  close(): void {
    this.#isClosed = true;
    if (this.#current !== null) discard(this.#current);
    this.#current = null;
  }

  async #sendOn(connected: Connected, values: readonly Uint8Array[]): Promise<bigint> {
    const { topic, sendDeadlineMs, connectDeadlineMs } = this.#options;
    await withDeadline(connected.ready, connectDeadlineMs, () => new LateAnswer('connecting'));
    const sent = connected.producer.send({
      topic,
      acks: -1,
      timeout: sendDeadlineMs,
      messages: values.map((value) => ({ value: asBuffer(value), partition: 0 })),
    });
    const answers = await withDeadline(sent, sendDeadlineMs, () => new LateAnswer('an append'));
    const base = answers[0]?.baseOffset;
    if (base === undefined) throw new Error('the broker acknowledged without an offset');
    return BigInt(base) + BigInt(values.length - 1);
  }

  /** kafkajs heals moved leaders by itself; silence and repeated failures need a new client. */
  #noteFailure(connected: Connected, error: unknown): void {
    this.#failures += 1;
    if (this.#current !== connected) return;
    if (!(error instanceof LateAnswer) && this.#failures < 2) return;
    this.#options.logger.debug({ topic: this.#options.topic, err: error }, 'kafka writer rebuilt');
    this.#current = null;
    discard(connected);
  }

  #build(): Connected {
    if (this.#isClosed) throw new Error('the writer is closed');
    const { brokers, clientId, connectDeadlineMs, sendDeadlineMs } = this.#options;
    const sockets = new Set<net.Socket>();
    const kafka = new Kafka({
      clientId,
      brokers: rotated(brokers, this.#builds),
      connectionTimeout: Math.ceil(connectDeadlineMs / 2),
      requestTimeout: sendDeadlineMs,
      enforceRequestTimeout: true,
      retry: { retries: 0 },
      logLevel: logLevel.NOTHING,
      ...saslOf(kafkaAccess()),
      socketFactory: (place) => trackedSocket(sockets, place),
    });
    this.#builds += 1;
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    });
    const ready = producer.connect();
    ready.catch(() => undefined);
    return { producer, sockets, ready };
  }
}

function tlsTo(host: string): tls.ConnectionOptions | null {
  const external = externalKafka();
  if (external === null) return clientTls('kafka', host, 'broker');
  if (external.tls === undefined) return null;
  return { ...external.tls, ...serverNameOf(host) };
}

/** The same in kafkajs's words. */
function saslOf({ sasl }: KafkaAccess): { readonly sasl?: SASLOptions } {
  if (sasl === undefined) return {};
  const { username, password } = sasl;
  switch (sasl.mechanism) {
    case 'PLAIN':
      return { sasl: { mechanism: 'plain', username, password } };
    case 'SCRAM-SHA-256':
      return { sasl: { mechanism: 'scram-sha-256', username, password } };
    case 'SCRAM-SHA-512':
      return { sasl: { mechanism: 'scram-sha-512', username, password } };
  }
}

function trackedSocket(
  sockets: Set<net.Socket>,
  { host, port, onConnect }: { host: string; port: number; onConnect: () => void },
): net.Socket {
  const secured = tlsTo(host);
  const place = { host, port, noDelay: true, keepAlive: true };
  const socket =
    secured === null
      ? net.connect(place, onConnect)
      : tls.connect({ ...secured, ...place }, onConnect).setNoDelay(true);
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

/** Ends the client without waiting: a frozen broker would hold an orderly end back. */
function discard(connected: Connected): void {
  connected.producer.disconnect().catch(() => undefined);
  for (const socket of connected.sockets) socket.destroy();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
