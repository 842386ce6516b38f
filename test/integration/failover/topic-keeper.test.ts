/** A topic altered by hand is seen, refused by name, and used again once it is right. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { pino } from 'pino';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { controlTopicShape } from '../../../shared/kafka/admin.ts';
import { controlTopicOf } from '../../../shared/kafka/topic.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { TopicKeeper } from '../../../services/failover/io/topic-keeper.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startTestKafka, type TestKafka } from '../../helpers/kafka.ts';

const topic = controlTopicOf('main');
const logger = pino({ level: 'silent' });
const stop = new AbortController();
const resource = { resourceType: 2, resourceName: topic } as const;
let kafka: TestKafka;
let keeper: TopicKeeper;
let isNew: boolean | null = null;
let running: Promise<void>;

before(async () => {
  kafka = await startTestKafka(1);
  const target = { brokers: kafka.addresses, clientId: 'test', topic, logger, clock: systemClock };
  const shape = controlTopicShape([{ nodeId: 1, isVoter: true }]);
  keeper = new TopicKeeper([{ target, shape, mayBeMade: () => isNew }], logger, 300);
  assert.throws(() => keeper.checkUsable(topic), /has not been checked yet/);
  running = keeper.run(stop.signal);
});

after(async () => {
  stop.abort();
  await running;
  await kafka.stop();
});

test('a missing topic is made as it must be, once it is known to be new', async () => {
  await eventually(() => /not known yet/.test(keeper.problems()[0] ?? ''), { deadlineMs: 30_000 });
  isNew = true;
  await eventually(() => keeper.problems().length === 0, { deadlineMs: 30_000 });
  keeper.checkUsable(topic);
});

test('a setting changed by hand is named, and nothing is written meanwhile', async () => {
  await alter('flush.messages', '1000');
  await eventually(() => keeper.problems().length > 0);
  assert.match(keeper.problems()[0] ?? '', /flush.messages is 1 instead of 1000/);
  assert.throws(
    () => keeper.checkUsable(topic),
    (error) => isMeridianError(error, 'LogUnavailable'),
  );
});

test('it is used again once it is right', async () => {
  await alter('flush.messages', '1');
  await eventually(() => keeper.problems().length === 0);
  keeper.checkUsable(topic);
});

test('one that was read and is gone is not made again', async () => {
  isNew = false;
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.addresses] });
  await admin.deleteTopics({ topics: [topic] });
  await eventually(() => /was deleted.*rescue/.test(keeper.problems()[0] ?? ''));
  assert.throws(() => keeper.checkUsable(topic), /was deleted/);
  isNew = true;
  await eventually(() => keeper.problems().length === 0, { deadlineMs: 30_000 });
  await admin.close();
});

test('a broker that does not answer changes nothing', async () => {
  await kafka.brokers[0]?.kill();
  await eventually(() => keeper.problems().length > 0, { deadlineMs: 30_000 });
  keeper.checkUsable(topic);
});

async function alter(name: string, value: string): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.addresses] });
  const configs = [{ name, value, configOperation: 0 } as const];
  await admin.incrementalAlterConfigs({ resources: [{ ...resource, configs }] });
  await admin.close();
}
