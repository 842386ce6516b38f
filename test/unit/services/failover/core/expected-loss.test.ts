import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedLoss } from '../../../../../services/failover/core/expected-loss.ts';
import {
  ap,
  at,
  eu,
  peerOf,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

describe('what a forced failover would lose', () => {
  it('is what others are known to hold beyond the chosen region', () => {
    const peers = [peerOf(eu, { position: at('1:0/40') }), peerOf(ap, { position: at('1:0/10') })];
    const loss = expectedLoss(replicaState({ peers }), us);
    assert.equal(loss.cut, '1:0/10');
    assert.deepEqual(
      loss.beyond.map(({ region, bytes }) => [region, bytes]),
      [[eu, 0x30]],
    );
    assert.match(loss.inWords, /eu-west hold beyond us-east, confirmed writes too/);
  });

  it('goes by seals before reports, and names who was never heard', () => {
    const state = withRecords(
      replicaState({ peers: [peerOf(ap, { position: at('1:0/8') })] }),
      record.prepare(2),
      record.seal(2, ap, { at: '1:0/20' }),
    );
    const loss = expectedLoss(state, us);
    assert.deepEqual(
      loss.beyond.map(({ region, known }) => [region, known]),
      [[ap, 'its seal']],
    );
    assert.deepEqual(loss.unheard, [eu]);
  });

  it('is nothing known when the chosen region is the furthest', () => {
    assert.match(expectedLoss(replicaState(), us).inWords, /^nothing is known to lie beyond/);
  });
});
