/** The control log on three brokers: it goes on when its leader dies, and says when it cannot. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import type { PauseRecord } from '../../../shared/core/control/control-record.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { controlTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { moveLeader } from '../../../shared/kafka/leadership.ts';
import { describePlacement } from '../../../shared/kafka/quorum.ts';
import { createControlLog, type ControlLogConnection } from '../../../shared/kafka/control-log.ts';
import { TopicWriter } from '../../../shared/kafka/topic-writer.ts';
import { controlTopicOf, type TopicTarget } from '../../../shared/kafka/topic.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startTestKafka, type TestBroker, type TestKafka } from '../../helpers/kafka.ts';

/** The stall that the lease is built for (FAULTS section 1), and what a loaded machine adds. */
const stallDeadlineMs = 10_000;

/** An append is not given up before. */
const sendBoundMs = 1400;
const stop = new AbortController();
const seen: number[] = [];
let kafka: TestKafka;
let target: TopicTarget;
let log: ControlLogConnection;

before(async () => {
  kafka = await startTestKafka(3);
  target = {
    brokers: kafka.addresses,
    clientId: 'meridian-test',
    topic: controlTopicOf('main'),
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  };
  log = createControlLog(target);
  const voters = kafka.brokers.map(({ nodeId }) => ({ nodeId, isVoter: true }));
  await Promise.all([1, 2, 3].map(() => ensureTopic(target, controlTopicShape(voters))));
  void collect();
});

after(async () => {
  stop.abort();
  log.close();
  await kafka.stop();
});

test('a record is acknowledged and read back', async () => {
  await append(1);
  await eventually(() => seen.includes(1));
});

test(
  'the leader is moved there and back, and no append is refused',
  { timeout: 60_000 },
  async () => {
    const own = kafka.brokers[0]?.address ?? '';
    const at = { host: own, port: 9092, clientId: 'test', tls: null };
    const before = await describePlacement(at, target.topic);
    const other = before.replicas.find((id) => id !== before.leader) ?? 0;
    await eventually(() => isInSync());
    for (const [turn, nodeId] of [other, before.leader].entries()) {
      const { replicas } = await describePlacement(at, target.topic);
      const moved = moveLeader(at, target.topic, { nodeId, replicas });
      // Each of these is refused by whoever led before, or taken by who leads now.
      for (let value = 1; value <= 20; value += 1) await appendInTime(100 * (turn + 1) + value);
      await moved;
      await eventually(async () => (await describePlacement(at, target.topic)).leader === nodeId);
      const after = await describePlacement(at, target.topic);
      assert.deepEqual(after.replicas.toSorted(), replicas.toSorted());
    }
    await eventually(() => seen.includes(220));
  },
);

test('appends go on after the leader was killed', { timeout: 60_000 }, async () => {
  await kafka.brokers[0]?.kill();
  const startedAt = performance.now();
  await appendUntilAcknowledged(2);
  await eventually(() => seen.includes(2));
  const stallMs = Math.round(performance.now() - startedAt);
  console.log(`control log stall after the leader was killed: ${stallMs} ms`);
  assert.ok(stallMs < stallDeadlineMs);
  await kafka.brokers[0]?.start();
});

test('appends go on after the leader froze', { timeout: 60_000 }, async () => {
  await eventually(() => isInSync());
  const leader = await leaderBroker();
  leader.child().kill('SIGSTOP');
  const startedAt = performance.now();
  try {
    await appendUntilAcknowledged(3);
    await eventually(() => seen.includes(3));
    const stallMs = Math.round(performance.now() - startedAt);
    console.log(`control log stall after the leader froze: ${stallMs} ms`);
    assert.ok(stallMs < stallDeadlineMs);
  } finally {
    leader.child().kill('SIGCONT');
  }
});

test(
  'without a majority an append is refused in time, and goes on after',
  { timeout: 90_000 },
  async () => {
    await eventually(() => isInSync(), { deadlineMs: 30_000 });
    await Promise.all([kafka.brokers[1]?.kill(), kafka.brokers[2]?.kill()]);
    const startedAt = performance.now();
    await assert.rejects(append(4), (error) => isMeridianError(error, 'LogUnavailable'));
    assert.ok(performance.now() - startedAt < 6000);
    await Promise.all([kafka.brokers[1]?.start(), kafka.brokers[2]?.start()]);
    await appendUntilAcknowledged(5);
    await eventually(() => seen.includes(5));
  },
);

test('a topic of the same name that is not the one read before is not read', async () => {
  assert.match(log.id() ?? '', /^[0-9a-f-]{20,}$/i);
  const other = createControlLog(target);
  try {
    other.expect('00000000-0000-4000-8000-000000000000');
    const first = other.read(firstOffset, stop.signal)[Symbol.asyncIterator]().next();
    await assert.rejects(first, (error) => isMeridianError(error, 'Divergence'));
  } finally {
    other.close();
  }
});

test('a record of an unknown version stops its reader and is not passed over', async () => {
  const limits = { sendDeadlineMs: 10_000, connectDeadlineMs: 10_000 };
  const writer = new TopicWriter({ ...target, ...limits });
  const bytes = Buffer.from(JSON.stringify({ v: 2, kind: 'pause', durationMs: 6 }));
  const place = await writer.send([bytes]).finally(() => writer.close());
  await appendUntilAcknowledged(7);
  for (const from of [firstOffset, place as LogOffset]) {
    const read: LogOffset[] = [];
    await assert.rejects(
      async () => {
        for await (const { offset } of log.read(from, stop.signal)) read.push(offset);
      },
      (error) => {
        assert.ok(isMeridianError(error, 'ProtocolViolation'));
        assert.equal(error.details['logOffset'], place.toString());
        return /format version 2 is not known here/.test(error.message);
      },
    );
    assert.ok(read.every((offset) => offset < place));
  }
});

async function collect(): Promise<void> {
  try {
    for await (const { record } of log.read(firstOffset, stop.signal)) {
      if (record.kind === 'pause') seen.push(record.durationMs);
    }
  } catch (error) {
    assert.ok(isMeridianError(error, 'ProtocolViolation'));
  }
}

function append(durationMs: number): Promise<LogOffset> {
  const record: PauseRecord = { kind: 'pause', durationMs, operation: null };
  return log.append(record);
}

/** An append may wait out its bound while followers look for their leader; it is repeated then. */
async function appendInTime(durationMs: number): Promise<void> {
  const startedAt = performance.now();
  await append(durationMs).catch((error: unknown) => {
    if (performance.now() - startedAt < sendBoundMs) throw error;
    return appendUntilAcknowledged(durationMs);
  });
}

async function appendUntilAcknowledged(durationMs: number): Promise<void> {
  const attempt = (): Promise<boolean> =>
    append(durationMs).then(
      () => true,
      () => false,
    );
  await eventually(attempt, { deadlineMs: 30_000, intervalMs: 100 });
}

async function partition(): Promise<{ leader: number; isr: readonly number[] } | undefined> {
  const { Admin } = await import('@platformatic/kafka');
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.addresses], retries: 3 });
  try {
    const metadata = await admin.metadata({ topics: [target.topic], forceUpdate: true });
    return metadata.topics.get(target.topic)?.partitions[0];
  } catch {
    return undefined;
  } finally {
    void admin.close();
  }
}

async function isInSync(): Promise<boolean> {
  return (await partition())?.isr.length === 3;
}

async function leaderBroker(): Promise<TestBroker> {
  const found = await partition();
  const leader = kafka.brokers.find(({ nodeId }) => nodeId === found?.leader);
  assert.ok(leader);
  return leader;
}
