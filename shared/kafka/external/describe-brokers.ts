/** The brokers of a Kafka cluster as one of them lists them, and what it may be asked. */
import { ConfigResourceTypes, Admin, Connection, metadataV12 } from '@platformatic/kafka';
import { withDeadline } from '../../runtime/sleep.ts';
import { kafkaAccess } from './kafka-access.ts';

export interface ListedBroker {
  readonly nodeId: number;
  readonly rack: string | null;
}

export interface BrokersSeen {
  readonly brokers: readonly ListedBroker[];
  /** Of the second answer on one connection. */
  readonly roundTripMs: number;
}

const deadlineMs = 5000;

/** As the broker at `host`:`port` lists them. Throws what keeps it from answering. */
export async function describeBrokers(host: string, port: number): Promise<BrokersSeen> {
  const limits = { connectTimeout: deadlineMs / 2, requestTimeout: deadlineMs };
  const connection = new Connection('meridian-doctor', { ...limits, ...kafkaAccess() });
  connection.on('error', () => undefined);
  try {
    const done = Promise.resolve(connection.connect(host, port)).then(async () => {
      await metadataV12.api.async(connection, [], false, false);
      const startedMs = performance.now();
      const reply = await metadataV12.api.async(connection, [], false, false);
      const roundTripMs = performance.now() - startedMs;
      const brokers = reply.brokers.map(({ nodeId, rack }) => ({ nodeId, rack: rack ?? null }));
      return { brokers, roundTripMs };
    });
    return await withDeadline(done, 2 * deadlineMs, () => new Error(`${host} does not answer`));
  } finally {
    void connection.close().catch(() => undefined);
  }
}

/** Settings of broker `nodeId`, by name; null where they may not be asked for. */
export async function brokerSettings(
  address: string,
  nodeId: number,
  names: readonly string[],
): Promise<Readonly<Record<string, string>> | null> {
  const admin = new Admin({
    clientId: 'meridian-doctor',
    bootstrapBrokers: [address],
    connectTimeout: deadlineMs / 2,
    requestTimeout: deadlineMs,
    timeout: deadlineMs,
    retries: 0,
    ...kafkaAccess(),
  });
  admin.on('error', () => undefined);
  try {
    const resource = { resourceType: ConfigResourceTypes.BROKER, resourceName: String(nodeId) };
    const asked = admin.describeConfigs({
      resources: [{ ...resource, configurationKeys: [...names] }],
    });
    const found = await withDeadline(asked, 2 * deadlineMs, () => new Error('no answer'));
    const configs = found[0]?.configs ?? [];
    return Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']));
  } catch {
    return null;
  } finally {
    void admin.close().catch(() => undefined);
  }
}
