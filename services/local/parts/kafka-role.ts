/**
 * Whether a Kafka node runs as a controller. A node that has the vote and starts as a broker alone
 * ends at once, again and again, and its vote is missing: so one that gives its vote by the cluster
 * file stays a controller until the quorum has left it out.
 */
import { readFile } from 'node:fs/promises';
import { kafkaPlaces } from '../../../shared/config/cluster-schema.ts';
import { brokerTls } from '../../../shared/kafka/broker-tls.ts';
import { describeQuorum } from '../../../shared/kafka/quorum.ts';
import type { KafkaContext } from './kafka.ts';

export interface KafkaRole {
  readonly isController: boolean;
  /** It keeps a vote that the cluster file gives to another. */
  readonly isGiving: boolean;
}

/** The role for the next start; `propertiesFile` is that of the last one. */
export async function kafkaRole(context: KafkaContext, propertiesFile: string): Promise<KafkaRole> {
  const before = await readFile(propertiesFile, 'utf8').catch(() => '');
  const { isVoter } = context.region.kafka;
  const wasController = /^process\.roles=.*controller/m.test(before);
  const hasVote = isVoter || !wasController ? null : await hasVoteStill(context);
  return roleOf({ isVoter, wasController, hasVote });
}

/** `hasVote`: what the quorum says; null when nobody who knows answers. */
export function roleOf(facts: {
  readonly isVoter: boolean;
  readonly wasController: boolean;
  readonly hasVote: boolean | null;
}): KafkaRole {
  const { isVoter, wasController, hasVote } = facts;
  // Nobody answers: without its vote perhaps nobody ever would.
  const isGiving = !isVoter && wasController && hasVote !== false;
  return { isController: isVoter || isGiving, isGiving };
}

/** Any other broker knows the quorum. */
async function hasVoteStill(context: KafkaContext): Promise<boolean | null> {
  const { cluster, region, secrets } = context;
  const tls = secrets === undefined ? null : brokerTls(secrets);
  const others = kafkaPlaces(cluster).filter(({ id }) => id !== region.id);
  const asked = others.map(async ({ host, kafka }) => {
    const clientId = `meridian-${region.id}-role`;
    const quorum = await describeQuorum({ host, port: kafka.clientPort, clientId, tls });
    return quorum.voters.some(({ nodeId }) => nodeId === region.kafka.nodeId);
  });
  return Promise.any(asked).catch(() => null);
}
