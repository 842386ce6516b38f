import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, crossRegionPorts } from '../../../../services/local/region-addresses.ts';
import { regionSchema } from '../../../../shared/config/cluster-schema.ts';

const region = regionSchema.parse({
  id: 'eu-west',
  name: 'Frankfurt',
  host: 'eu-west.meridian.internal',
  bind: '127.0.0.2',
  location: { latitude: 50, longitude: 8 },
  listeners: { public: 1, admin: 2, peer: 3 },
  processes: [{ services: ['router'], listeners: { public: 4, admin: 5, peer: 6 } }],
  agentPort: 7,
  kafka: {
    ...{ nodeId: 1, directoryId: 'AAAAAAAAAAAAAAAAAAAAAA', isVoter: true },
    ...{ clientPort: 8, brokerPort: 9, controllerPort: 10 },
  },
  redis: { port: 11 },
  nodes: [{ id: 'eu-west/pg-1', port: 12 }],
});

test('every port of a region is checked before its start', () => {
  const ports = addressesOf(region).map(({ port }) => port);
  assert.deepEqual(
    ports.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
});

test('the agent and Redis are not reached from other regions', () => {
  assert.deepEqual(
    crossRegionPorts(region).filter((port) => port === 7 || port === 11),
    [],
  );
});

test('a Redis that somebody else runs takes no port here', () => {
  const external = { host: 'redis.example', tls: true };
  const other = { ...region, redis: { port: 11, external } };
  assert.equal(
    addressesOf(other).some(({ port }) => port === 11),
    false,
  );
});

test('a region without a vote has no controller', () => {
  const other = { ...region, kafka: { ...region.kafka, isVoter: false } };
  assert.equal(crossRegionPorts(other).includes(10), false);
});
