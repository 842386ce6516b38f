/** Grants the regions their access to Kafka as soon as a broker answers: mode tls only. */
import { accessRulesOf, ensureAccessRules } from '../../shared/kafka/access-rules.ts';
import { brokerTls } from '../../shared/kafka/broker-tls.ts';
import { brokerAddress, kafkaPlaces } from '../../shared/config/cluster-schema.ts';
import { createBackoff } from '../../shared/runtime/backoff.ts';
import { messageOf } from '../../shared/errors/meridian-error.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import type { RegionContext } from './region-context.ts';

/** A controller that was restored from old files gets them again. */
const everyMs = 60_000;

/** Runs until `signal` aborts. Every region grants all: who comes first does it. */
export async function keepKafkaAccess(context: RegionContext, signal: AbortSignal): Promise<void> {
  const { cluster, region, logger } = context;
  // Who runs the brokers says who may do what there.
  if (cluster.kafka.external !== undefined) return;
  const backoff = createBackoff({ firstMs: 250, maxMs: 5000 });
  const rules = accessRulesOf(
    cluster.cell,
    cluster.regions.map(({ id }) => id),
  );
  const others = kafkaPlaces(cluster).filter(({ id }) => id !== region.id);
  const brokers = [region, ...others].map(brokerAddress);
  let isGranted = false;
  while (!signal.aborted) {
    const tls = brokerTls(context.secrets);
    if (tls === null) return;
    try {
      const clientId = `meridian-${region.id}-access`;
      await ensureAccessRules({ brokers, clientId, tls }, rules);
      if (!isGranted) logger.info({ rules: rules.length }, 'kafka access granted');
      isGranted = true;
      backoff.reset();
      await sleep(everyMs, signal);
    } catch (error) {
      logger.debug({ why: messageOf(error) }, 'kafka access not granted yet');
      await sleep(backoff.nextMs(), signal);
    }
  }
}
