import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  rescueChanges,
  rescuePolicy,
  whyNotLost,
} from '../../../../../../services/cli/core/rescue/rescued-cluster.ts';
import { ap, eu, us } from '../../../../../helpers/control-records.ts';

const cluster = {
  regions: [eu, us, ap].map((id) => ({ id, kafka: { isVoter: true } })),
  policy: { priority: [eu, us, ap], k: 1, leaseTtlMs: 6500, leaseMarginMs: 250 },
};

describe('the cluster file of a rescued region', () => {
  it('has new ids, the region first, and Kafka’s quorum is the region alone', () => {
    const changes = rescueChanges(ap, cluster, { clusterId: 'new', kafkaClusterId: 'kafka' });
    assert.deepEqual(changes, [
      [['clusterId'], 'new'],
      [['kafka', 'clusterId'], 'kafka'],
      [
        ['policy', 'priority'],
        [ap, eu, us],
      ],
      [['regions', 0, 'kafka', 'isVoter'], false],
      [['regions', 1, 'kafka', 'isVoter'], false],
      [['regions', 2, 'kafka', 'isVoter'], true],
    ]);
  });

  it('begins with a policy of the new cluster', () => {
    const policy = rescuePolicy(ap, cluster, 'new');
    assert.deepEqual(
      [policy.version, policy.clusterId, policy.priority, policy.k, policy.ttlMs],
      [1, 'new', [ap, eu, us], 1, 6500],
    );
  });
});

describe('whether anything but a rescue is left', () => {
  it('is not while a majority of the voters can be had', () => {
    assert.match(whyNotLost(ap, cluster, [eu]) ?? '', /eu-west can be reached/);
    assert.equal(whyNotLost(ap, cluster, []), null);
  });

  it('does not count regions that do not vote', () => {
    const one = { ...cluster, regions: cluster.regions.map((region) => ({ ...region })) };
    const fourth = { id: 'sa-east' as typeof eu, kafka: { isVoter: false } };
    const regions = [...one.regions, fourth];
    assert.equal(whyNotLost(ap, { ...one, regions }, [fourth.id]), null);
  });
});
