/** The data log on a real broker: order, resending, reading from any offset, a frozen broker. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { OwnLog } from '../../../services/replicator/io/own-log.ts';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { dataTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { createDataLog, type DataLogConnection } from '../../../shared/kafka/data-log.ts';
import { dataTopicOf, type TopicTarget } from '../../../shared/kafka/topic.ts';
import type { DataLog, DataLogEntry } from '../../../shared/ports/data-log.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import { offsetAfter } from '../../../shared/runtime/log-position.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  committed,
  endsOf,
  idleAt,
  lsnsOf,
  positionAt,
  seedAt,
  smallAt,
} from '../../helpers/replication/log-records.ts';
import { startTestKafka, type TestKafka } from '../../helpers/kafka.ts';

const region = 'eu-west' as RegionId;
const never = new AbortController().signal;
let kafka: TestKafka;
let target: TopicTarget;
let log: DataLogConnection;

before(async () => {
  kafka = await startTestKafka(1);
  target = {
    brokers: kafka.addresses,
    clientId: 'meridian-test',
    topic: dataTopicOf('main', region),
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  };
  log = createDataLog(target);
  await ensureTopic(target, dataTopicShape(1));
});

after(async () => {
  log.close();
  await kafka.stop();
});

test('records come back in order, from any offset', async () => {
  const last = await log.append([1, 2, 3].map(idleAt), never);
  const { start, end } = await log.bounds();
  assert.equal(start, 0n);
  assert.equal(end, last + 1n);
  assert.deepEqual(lsnsOf(await readAll(firstOffset)), [1n, 2n, 3n]);
  assert.deepEqual(lsnsOf(await readAll(1n as LogOffset)), [2n, 3n]);
});

test('trap 16: a record larger than a message comes back whole, its neighbours too', async () => {
  const { end } = await log.bounds();
  const large = randomBytes(40 * 1024 * 1024);
  const change: Uint8Array = new Uint8Array(large);
  const [epoch, endLsn] = [1 as Epoch, 90n as Lsn];
  const record: CommitRecord = {
    ...{ kind: 'chunk', epoch, origin: region, xid: 1, part: 0, isLast: true, endLsn },
    ...{ prevEndLsn: 80n as Lsn, commitTimeUs: 0n, messages: [change] },
  };
  await log.append([idleAt(80)], never);
  const at = await log.append([packRecord(record)], never);
  const last = await log.append([idleAt(91)], never);
  assert.equal(last, at + 1n);
  const entries = await readAll(end);
  assert.deepEqual(
    entries.map(({ record: { kind } }) => kind),
    ['idle', 'chunk', 'idle'],
  );
  const [, found] = entries;
  assert.equal(found?.offset, at);
  assert.ok(
    found?.record.kind === 'chunk' && large.equals(found.record.messages[0] ?? Buffer.of()),
  );
  // From amid the large record on, it is not there.
  assert.deepEqual(lsnsOf(await readAll((at - 1n) as LogOffset)), [91n]);
});

test('a follower sees what is appended later', async () => {
  const { end } = await log.bounds();
  const stop = new AbortController();
  const seen = (async () => {
    for await (const entry of log.read(end, { follow: true, signal: stop.signal })) return entry;
    return null;
  })();
  await log.append([idleAt(4)], never);
  assert.deepEqual(lsnsOf([(await seen) as DataLogEntry]), [4n]);
  stop.abort();
});

test('a follower that waits ends at once, and holds no other reader back', async () => {
  const { end } = await log.bounds();
  const stop = new AbortController();
  const followers = Array.from({ length: 3 }, async () => {
    for await (const entry of log.read(end, { follow: true, signal: stop.signal })) return entry;
    return null;
  });
  const startedAt = performance.now();
  for (let n = 0; n < 12; n += 1) await readAll((end - 1n) as LogOffset);
  stop.abort();
  assert.deepEqual(await Promise.all(followers), [null, null, null]);
  assert.ok(performance.now() - startedAt < 3000, 'a fetch that waits takes half a second');
});

test('a frozen broker delays an append and nothing else', { timeout: 60_000 }, async () => {
  const broker = kafka.brokers[0];
  broker?.child().kill('SIGSTOP');
  // A thread that runs on another processor stops a moment later.
  const isSilent = async (): Promise<boolean> => {
    const error = await log.bounds().then(
      () => null,
      (reason: unknown) => reason,
    );
    return isMeridianError(error, 'LogUnavailable');
  };
  await eventually(isSilent, { deadlineMs: 30_000 });
  const appended = log.append([idleAt(5)], never);
  broker?.child().kill('SIGCONT');
  await appended;
  assert.equal(lsnsOf(await readAll(firstOffset)).at(-1), 5n);
});

test('an append is resent after the broker was killed', { timeout: 60_000 }, async () => {
  const broker = kafka.brokers[0];
  await broker?.kill();
  const appended = log.append([idleAt(6)], never);
  await broker?.start();
  await appended;
  assert.equal(lsnsOf(await readAll(firstOffset)).at(-1), 6n);
});

test('a record of an unknown version stops its reader and is not passed over', async () => {
  const newer = idleAt(7);
  newer[0] = 200;
  const place = await log.append([newer], never);
  await log.append([idleAt(8)], never);
  const read: bigint[] = [];
  await assert.rejects(
    async () => {
      for await (const entry of log.read(firstOffset, { follow: false, signal: never })) {
        read.push(entry.offset);
      }
    },
    (error) => {
      assert.ok(isMeridianError(error, 'ProtocolViolation'));
      assert.equal(error.details['logOffset'], place.toString());
      return /unknown format version 200/.test(error.message);
    },
  );
  assert.ok(read.length > 0 && read.every((offset) => offset < place));
  const { start, end } = await log.bounds();
  assert.deepEqual([start, end], [0n, place + 2n], 'nothing of it is gone');
});

test('a trimmed log begins later: what is before is refused by name', async () => {
  await log.reset();
  const first = await log.append([10, 20, 30, 40, 50].map(committed), never);
  const offsetOf = (index: number): LogOffset => (first - 4n + BigInt(index)) as LogOffset;
  const after = (lsn: number): Promise<LogOffset> => offsetAfter(log, positionAt(lsn), never);
  assert.equal(await after(20), offsetOf(2));
  await log.trim(offsetOf(2));
  assert.deepEqual(await log.bounds(), { start: offsetOf(2), end: offsetOf(5) });
  assert.deepEqual(endsOf(await readAll(offsetOf(2))), [30n, 40n, 50n]);
  await assert.rejects(readAll(offsetOf(1)), (error) => isMeridianError(error, 'LogUnavailable'));
  // A position is found from the new beginning on; one that lies before it is where that is.
  const places = [10, 20, 30, 45, 50].map(after);
  assert.deepEqual(await Promise.all(places), [2, 2, 3, 4, 5].map(offsetOf));
  await log.trim(offsetOf(1));
  assert.equal((await log.bounds()).start, offsetOf(2), 'it never begins earlier again');
});

test('a seed record amid a log misleads no search', async () => {
  await log.reset();
  const records = [committed(10), committed(20), seedAt(10), committed(30), committed(40)];
  const last = await log.append(records, never);
  const found = [10, 20, 30].map((lsn) => offsetAfter(log, positionAt(lsn), never));
  const reached = (await Promise.all(found)).map((offset) => offset - (last - 4n));
  assert.deepEqual(reached, [1n, 2n, 4n]);
});

test('a reader whose place was deleted while it waited is told so', async () => {
  await log.reset();
  const last = await log.append([10, 20].map(committed), never);
  const reading = log.read((last - 1n) as LogOffset, { follow: true, signal: never });
  const entries = reading[Symbol.asyncIterator]();
  assert.deepEqual(endsOf([(await entries.next()).value as DataLogEntry]), [10n]);
  await log.append([30, 40].map(committed), never);
  await log.trim((last + 2n) as LogOffset);
  // What was fetched before may still come; then the place is gone.
  await assert.rejects(
    async () => {
      for (;;) await entries.next();
    },
    (error) => isMeridianError(error, 'LogUnavailable') && 'start' in error.details,
  );
});

test('a broker that is killed may show again what was deleted just before', async () => {
  const topic = dataTopicOf('main', 'ap-south' as RegionId);
  await ensureTopic({ ...target, topic }, dataTopicShape(1));
  const other = createDataLog({ ...target, topic });
  const last = await other.append([10, 20, 30].map(committed), never);
  await other.trim(last);
  const [broker] = kafka.brokers;
  await broker?.kill();
  await broker?.start();
  const isBack = (): Promise<boolean> =>
    other.bounds().then(
      ({ end }) => end === last + 1n,
      () => false,
    );
  await eventually(isBack, { deadlineMs: 30_000 });
  assert.ok((await other.bounds()).start <= last);
  assert.equal(await offsetAfter(other, positionAt(20), never), last);
  assert.deepEqual(endsOf(await readAll(last, other)), [30n]);
  other.close();
});

test('reset deletes every record and offsets go on', async () => {
  const before = await log.bounds();
  await log.reset();
  assert.deepEqual(await log.bounds(), { start: before.end, end: before.end });
  await assert.rejects(readAll(firstOffset), (error) => isMeridianError(error, 'LogUnavailable'));
});

test('a topic with other settings is refused by name', async () => {
  await assert.rejects(
    ensureTopic(target, { replicas: [1], settings: { 'flush.messages': '7' } }),
    (error) =>
      isMeridianError(error, 'ConfigInvalid') &&
      /flush.messages is 7/.test(error.details.hint ?? ''),
  );
});

test('a start reads what follows the summary of this very log, else all of it', async () => {
  await log.reset();
  const first = await loaded(null);
  await first.own.beginStore({ epoch: 1 as Epoch, endLsn: 9n as Lsn }, 1 as Epoch);
  for (let lsn = 10; lsn < 40; lsn += 1) await first.own.append(smallAt(lsn));
  const { summary } = first.own;
  assert.ok(summary !== null);
  for (let lsn = 40; lsn < 45; lsn += 1) await first.own.append(smallAt(lsn));
  const asIs = async (text: string | null, read: number): Promise<void> => {
    const [resumed, whole] = [await loaded(text), await loaded(null)];
    assert.deepEqual(resumed.own.facts, whole.own.facts);
    assert.equal(resumed.own.held?.heldBytes, whole.own.held?.heldBytes);
    assert.deepEqual(resumed.own.held?.marks, whole.own.held?.marks);
    assert.equal(resumed.read, read);
  };
  // The two records that must agree, and the five that follow.
  await asIs(summary, 7);
  await asIs(summary.replace('"kind":"transactions"', '"kind":"idle"'), 38);
  const mark = first.own.held?.marks.at(-3) ?? assert.fail();
  await first.own.trim(mark, 1 as Epoch);
  // Its seed record was deleted: the log is read from where it begins now.
  assert.deepEqual((await loaded(summary)).own.facts?.begins, mark.end);
  assert.equal((await loaded(first.own.summary)).read, 2);
  await log.reset();
  assert.equal((await loaded(summary)).own.facts?.store, null);
});

/** The log as a start reads it, with the number of records that this took. */
async function loaded(summary: string | null): Promise<{ own: OwnLog; read: number }> {
  let read = 0;
  const counted: DataLog = {
    ...log,
    async *read(offset, options) {
      for await (const entry of log.read(offset, options)) {
        read += 1;
        yield entry;
      }
    },
  };
  const own = new OwnLog({
    ...{ log: counted, region, clock: systemClock, signal: never },
    ...{ appendBytesMax: 1024 * 1024, feedBytesMax: 1024, grain: { bytes: 200, ms: 1000 } },
    readSummary: () => Promise.resolve(summary),
  });
  await own.load(never);
  return { own, read };
}

async function readAll(offset: LogOffset, of: DataLog = log): Promise<DataLogEntry[]> {
  const entries: DataLogEntry[] = [];
  for await (const entry of of.read(offset, { follow: false, signal: never })) entries.push(entry);
  return entries;
}
