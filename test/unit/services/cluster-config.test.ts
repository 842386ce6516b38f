import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { newCluster } from '../../../services/local/cluster-files.ts';

const regions = ['eu-west', 'us-east'].map((id, index) => {
  const bind = `127.0.0.${index + 2}`;
  return { id, name: id, host: `${id}.meridian.internal`, bind, latitude: 0, longitude: 0 };
});
const cluster = newCluster(regions, 1);
const broker = { nodeId: 7, isVoter: true, clientPort: 9092 };

/** The problems of the file with `kafka` in every region. */
function problems(kafka: object, external?: object): string[] {
  const changed = {
    ...cluster,
    kafka: { ...cluster.kafka, ...(external === undefined ? {} : { external }) },
    regions: cluster.regions.map((region) => ({ ...region, kafka })),
  };
  const { error } = clusterConfigSchema.safeParse(changed);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test("Meridian's own Kafka nodes have ids of their own and no other host", () => {
  assert.match(problems(broker)[0] ?? '', /^regions\.0\.kafka: directoryId is missing$/);
  const own = cluster.regions[0]?.kafka;
  assert.match(problems({ ...own, host: 'elsewhere' })[0] ?? '', /host is for the brokers of/);
  assert.deepEqual(problems(own ?? {}), []);
});

test('an external broker is known by its node id, host and port', () => {
  assert.deepEqual(problems({ ...broker, host: 'kafka.example' }, { user: 'shop' }), []);
  assert.match(problems(broker, { password: 'x' })[0] ?? '', /^kafka\.external: Unrecognized key/);
});
