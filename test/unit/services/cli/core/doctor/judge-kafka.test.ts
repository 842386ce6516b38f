import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judgeKafka,
  type KafkaFacts,
} from '../../../../../../services/cli/core/doctor/judge-kafka.ts';

const expected = [
  { id: 'eu-west', nodeId: 1 },
  { id: 'us-east', nodeId: 2 },
];
const settings = {
  'broker.session.timeout.ms': '4500',
  'broker.heartbeat.interval.ms': '1500',
  'replica.lag.time.max.ms': '4000',
  'socket.request.max.bytes': '104857600',
};
const sound: KafkaFacts = {
  place: 'kafka.example:9092',
  roundTripMs: 0.8,
  brokers: [
    { nodeId: 1, rack: 'eu-west' },
    { nodeId: 2, rack: 'us-east' },
  ],
  settings,
};

const rows: readonly (readonly [string, Partial<KafkaFacts>, readonly string[], RegExp])[] = [
  ['a sound one', {}, [], /not started here, answers in 0.8 ms/],
  ['a far one', { roundTripMs: 40 }, ['warning kafka'], /in every commit/],
  [
    'a missing broker',
    { brokers: sound.brokers.slice(0, 1) },
    ['failed kafka broker of us-east'],
    /no broker 2, there are 1/,
  ],
  [
    'another rack',
    {
      brokers: [
        { nodeId: 1, rack: null },
        { nodeId: 2, rack: 'us-east' },
      ],
    },
    ['warning kafka broker of eu-west'],
    /node 1 has no rack/,
  ],
  [
    'slow time-outs',
    { settings: { ...settings, 'broker.session.timeout.ms': '9000' } },
    ['warning kafka settings'],
    /broker.session.timeout.ms is 9000/,
  ],
  [
    'a heartbeat that slow lines do not bear',
    { settings: { ...settings, 'broker.heartbeat.interval.ms': '500' } },
    ['warning kafka settings'],
    /heartbeat.interval.ms is 500: slow lines fence every broker at least 1500/,
  ],
  [
    'small requests',
    { settings: { ...settings, 'socket.request.max.bytes': '1048576' } },
    ['failed kafka settings'],
    /socket.request.max.bytes is 1048576/,
  ],
  ['no privilege', { settings: null }, ['skipped kafka settings'], /DESCRIBE_CONFIGS/],
];

for (const [title, changed, bad, said] of rows) {
  test(title, () => {
    const findings = judgeKafka({ ...sound, ...changed }, expected, 6500);
    const controllers = findings.pop();
    assert.equal(controllers?.level, 'warning', 'said in every case');
    const wrong = findings.filter(({ level }) => level !== 'ok');
    assert.deepEqual(
      wrong.map(({ level, check }) => `${level} ${check}`),
      bad,
    );
    assert.match(findings.map(({ found, fix }) => `${found} ${fix ?? ''}`).join('\n'), said);
  });
}
