/** A region's data log on Kafka; shared/runtime/record-packing gives its records their form. */
import { randomBytes } from 'node:crypto';
import type { LogOffset } from '../core/log-offset.ts';
import { MeridianError, messageOf } from '../errors/meridian-error.ts';
import type { DataLog, DataLogEntry } from '../ports/data-log.ts';
import { createBackoff } from '../runtime/backoff.ts';
import { unpackRecord } from '../runtime/record-packing.ts';
import { sleep } from '../runtime/sleep.ts';
import { deleteRecords } from './admin.ts';
import { FragmentJoiner, fragmentsOf } from './record-fragments.ts';
import type { StoredValue } from './topic-fetcher.ts';
import { TopicReader } from './topic-reader.ts';
import { TopicWriter } from './topic-writer.ts';
import { dataMessageBytesMax, type TopicTarget } from './topic.ts';

export interface DataLogConnection extends DataLog {
  /** Monotonic time of the last answer of any kind; for health. */
  lastHeardMs(): number;
  close(): void;
}

/** The broker is in the same region: answers come within milliseconds unless the disk stalls. */
const limits = {
  sendDeadlineMs: 5000,
  connectDeadlineMs: 3000,
  maxWaitMs: 500,
  answerDeadlineMs: 3000,
  retryMaxMs: 1000,
  fetchBytesMax: 4 * 1024 * 1024,
} as const;

/** Bytes of one produced batch; a single message may be larger, up to `dataMessageBytesMax`. */
const batchBytesMax = 1024 * 1024;
const fragmentBytesMax = dataMessageBytesMax / 2;

export function createDataLog(target: TopicTarget): DataLogConnection {
  const writer = new TopicWriter({ ...target, ...limits });
  const reader = new TopicReader({ ...target, ...limits });
  // One request in flight: the next append begins when the one before has ended.
  let tail: Promise<unknown> = Promise.resolve();
  return {
    append(records, signal) {
      const appended = tail.then(() => appendAll(writer, { records, signal, target }));
      tail = appended.catch(() => undefined);
      return appended;
    },
    read: (offset, options) => readEntries(reader, { offset, ...options, topic: target.topic }),
    async bounds() {
      try {
        const { start, end } = await reader.bounds();
        return { start: start as LogOffset, end: end as LogOffset };
      } catch (error) {
        throw unavailable(target.topic, 'the data log does not answer', error);
      }
    },
    trim: (offset) => deleteRecords(target, offset),
    async reset() {
      await tail;
      await deleteRecords(target, null);
    },
    lastHeardMs: () => Math.max(writer.lastHeardMs, reader.lastHeardMs),
    close() {
      writer.close();
      reader.close();
    },
  };
}

interface Append {
  readonly records: readonly Uint8Array[];
  readonly signal: AbortSignal;
  readonly target: TopicTarget;
}

async function appendAll(writer: TopicWriter, append: Append): Promise<LogOffset> {
  let last = -1n;
  for (const batch of batchesOf(messagesOf(append.records)))
    last = await appendBatch(writer, batch, append);
  return last as LogOffset;
}

/** Resends the same bytes until they are acknowledged: readers skip what they already have. */
async function appendBatch(
  writer: TopicWriter,
  batch: readonly Uint8Array[],
  { signal, target }: Append,
): Promise<bigint> {
  const backoff = createBackoff({ firstMs: 50, maxMs: 2000 });
  for (let attempts = 1; ; attempts += 1) {
    if (signal.aborted) throw unavailable(target.topic, 'appending to the data log was ended');
    try {
      return await writer.send(batch);
    } catch (error) {
      const level = attempts < 3 ? 'debug' : 'warn';
      const facts = { topic: target.topic, attempts, why: messageOf(error) };
      target.logger[level](facts, 'append to the data log is repeated');
      await sleep(backoff.nextMs(), signal);
    }
  }
}

function* messagesOf(records: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const record of records) {
    if (record.byteLength <= dataMessageBytesMax) yield record;
    else yield* fragmentsOf(record, randomBytes(8).readBigUInt64BE(), fragmentBytesMax);
  }
}

/** Splits `messages` so that no batch exceeds its bound, unless one message alone does. */
function* batchesOf(messages: Iterable<Uint8Array>): Generator<Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (batch.length > 0 && bytes + message.byteLength > batchBytesMax) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.byteLength;
  }
  if (batch.length > 0) yield batch;
}

interface ReadFrom {
  readonly offset: LogOffset;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly topic: string;
}

async function* readEntries(reader: TopicReader, from: ReadFrom): AsyncGenerator<DataLogEntry> {
  const joiner = new FragmentJoiner();
  for await (const batch of reader.read(from.offset, from)) {
    for (const { offset, value } of batch.values) {
      const whole = joiner.take(value);
      // A record of several messages is where its last one is.
      if (whole !== null) yield entryOf({ offset, value: whole }, from.topic);
    }
  }
}

function entryOf({ offset, value }: StoredValue, topic: string): DataLogEntry {
  const record = unpackRecord(value);
  if (record.kind !== 'malformed') return { offset: offset as LogOffset, bytes: value, record };
  throw new MeridianError('ProtocolViolation', `a data log record cannot be read: ${record.why}`, {
    topic,
    logOffset: offset.toString(),
  });
}

function unavailable(topic: string, message: string, cause?: unknown): MeridianError {
  return new MeridianError('LogUnavailable', message, { topic }, cause);
}
