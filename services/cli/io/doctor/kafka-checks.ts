/** Facts of a Kafka that Meridian did not start. */
import {
  brokerAddress,
  kafkaPlaces,
  type ClusterBase,
  type RegionConfig,
} from '../../../../shared/config/cluster-schema.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import {
  brokerSettings,
  describeBrokers,
} from '../../../../shared/kafka/external/describe-brokers.ts';
import { failed, type Finding } from '../../core/doctor/finding.ts';
import { judgedSettings, judgeKafka } from '../../core/doctor/judge-kafka.ts';

export async function checkExternalKafka(
  cluster: Pick<ClusterBase, 'kafka' | 'regions' | 'witnesses' | 'policy'>,
  region: RegionConfig,
): Promise<Finding[]> {
  const place = brokerAddress(region);
  const { host, nodeId, clientPort } = region.kafka;
  try {
    const seen = await describeBrokers(host ?? region.host, clientPort);
    const settings = await brokerSettings(place, nodeId, judgedSettings);
    const expected = kafkaPlaces(cluster).map(({ id, kafka }) => ({ id, nodeId: kafka.nodeId }));
    return judgeKafka({ place, ...seen, settings }, expected, cluster.policy.leaseTtlMs);
  } catch (error) {
    const fix = "check kafka.external, the region's kafka section and own.external.kafkaPassword";
    return [failed('kafka', `${place} does not answer: ${causeOf(error)}`, fix)];
  }
}

/** The client wraps what happened. */
function causeOf(error: unknown): string {
  const { cause, errors } = error as { readonly cause?: unknown; readonly errors?: unknown[] };
  const inner = cause ?? errors?.[0];
  return inner === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(inner)})`;
}
