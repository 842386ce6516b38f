/** The control log on Kafka. What its records mean is decided by shared/core/control-fold alone. */
import { decodeControlRecord, encodeControlRecord } from '../core/control/control-record-codec.ts';
import type { LogOffset } from '../core/log-offset.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import type { ControlEntry, ControlLog } from '../ports/control-log.ts';
import { LeaderFetcher } from './leader-fetcher.ts';
import { LeaderWriter } from './leader-writer.ts';
import type { StoredValue } from './topic-fetcher.ts';
import { TopicReader } from './topic-reader.ts';
import type { TopicTarget } from './topic.ts';

export interface ControlLogConnection extends ControlLog {
  /** The first offset held; rejects when no broker answers. */
  begins(): Promise<LogOffset>;
  /** Kafka's id of the topic; null while it is not known. */
  id(): string | null;
  /** Reading ends with Divergence at any other topic than that. */
  expect(id: string): void;
  close(): void;
}

/** Control records are small; one fetch of this size holds thousands of them. */
const fetchBytesMax = 1024 * 1024;

/** Bounds for links of up to 300 ms: an append is two round trips, finding the leader three. */
const limits = {
  sendDeadlineMs: 1500,
  connectDeadlineMs: 1500,
  maxWaitMs: 500,
  answerDeadlineMs: 1500,
  retryMaxMs: 200,
  fetchBytesMax,
} as const;

const prepareEveryMs = 5000;

export function createControlLog(target: TopicTarget): ControlLogConnection {
  const options = { ...target, ...limits };
  // A broker answers one request of a connection at a time: renewals have their own, and so have
  // changes of the members, which a new primary sends right behind its seal.
  const writers = {
    renew: new LeaderWriter(options),
    member: new LeaderWriter(options),
    others: new LeaderWriter(options),
  };
  const all = Object.values(writers);
  const onMoved = (): void => {
    for (const writer of all) void writer.prepare();
  };
  const connect = (): LeaderFetcher => new LeaderFetcher({ ...options, onMoved });
  const reader = new TopicReader({ ...options, connect });
  // Brokers end connections that were idle for long, and a change of primary waits for nothing.
  const preparing = setInterval(onMoved, prepareEveryMs);
  return {
    async append(record) {
      const { kind } = record;
      try {
        const writer = writers[kind === 'renew' || kind === 'member' ? kind : 'others'];
        return (await writer.send(Buffer.from(encodeControlRecord(record)))) as LogOffset;
      } catch (error) {
        throw new MeridianError(
          'LogUnavailable',
          'the control log did not acknowledge a record',
          { record: kind, topic: target.topic },
          error,
        );
      }
    },
    read: (offset, signal) => readEntries(reader, { offset, signal, topic: target.topic }),
    begins: async () => (await reader.bounds()).start as LogOffset,
    id: () => reader.topicId,
    expect: (id) => reader.expect(id),
    lastHeardMs: () => Math.max(reader.lastHeardMs, ...all.map((writer) => writer.lastHeardMs)),
    close() {
      clearInterval(preparing);
      for (const writer of all) writer.close();
      reader.close();
    },
  };
}

async function* readEntries(
  reader: TopicReader,
  from: { readonly offset: LogOffset; readonly signal: AbortSignal; readonly topic: string },
): AsyncGenerator<ControlEntry> {
  for await (const batch of reader.read(from.offset, { follow: true, signal: from.signal })) {
    for (const value of batch.values) yield entryOf(value, from.topic);
  }
}

function entryOf({ offset, value }: StoredValue, topic: string): ControlEntry {
  const decoded = decodeControlRecord(Buffer.from(value).toString('utf8'));
  if (decoded.kind === 'record') return { offset: offset as LogOffset, record: decoded.record };
  throw new MeridianError('ProtocolViolation', `a control record cannot be read: ${decoded.why}`, {
    topic,
    logOffset: offset.toString(),
    hint: 'run the version of Meridian that the other regions run',
  });
}
