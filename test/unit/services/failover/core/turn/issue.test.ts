import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EffectBody } from '../../../../../../services/failover/core/controller-effect.ts';
import { effectEnded, issue } from '../../../../../../services/failover/core/turn/issue.ts';
import { at, epoch, nowMs, primaryState, record, us } from '../../../../../helpers/controllers.ts';
import type { NodeId } from '../../../../../../shared/core/node.ts';

const node = 'eu-west/pg-1' as NodeId;
const close: EffectBody = { kind: 'closeNode', node, why: '' };
const raise: EffectBody = { kind: 'raiseSequences', node };
const probe: EffectBody = { kind: 'probeCommit', node };
const seal: EffectBody = { kind: 'sealNode', node, epoch: epoch(2) };
const prepare: EffectBody = { kind: 'appendControl', record: record.prepare(2) };
const renew: EffectBody = { kind: 'appendControl', record: record.renew(1, us, 8) };

const kinds = (effects: readonly { readonly kind: string }[]): readonly string[] =>
  effects.map((effect) => effect.kind);

describe('issuing', () => {
  it('one effect at a time in a lane, the fence beside the others', () => {
    const { effects, state } = issue(primaryState(), [raise, probe, close, seal]);
    assert.deepEqual(kinds(effects), ['raiseSequences', 'closeNode']);
    assert.deepEqual(kinds(issue(state, [probe, seal]).effects), []);
  });

  it('waits for fresh facts after an effect, but the fence does not', () => {
    const { state, effects } = issue(primaryState(), [raise]);
    const ended = effectEnded(state, effects[0]?.id ?? 0, false).state;
    assert.equal(ended.isDatabaseFresh, false);
    assert.deepEqual(kinds(issue(ended, [probe]).effects), []);
    assert.deepEqual(kinds(issue(ended, [close]).effects), ['closeNode']);
    const fresh = { ...ended, isDatabaseFresh: true };
    assert.deepEqual(kinds(issue(fresh, [probe]).effects), ['probeCommit']);
  });

  it('waits for none after a probe, which changes nothing', () => {
    const { state, effects } = issue(primaryState(), [probe]);
    const ended = effectEnded(state, effects[0]?.id ?? 0, false).state;
    assert.deepEqual(kinds(issue(ended, [raise]).effects), ['raiseSequences']);
  });

  it('a failed effect is left alone for a while', () => {
    const { state, effects } = issue(primaryState(), [close]);
    const failed = effectEnded(state, effects[0]?.id ?? 0, true).state;
    assert.deepEqual(kinds(issue(failed, [close]).effects), []);
    const later = { ...failed, nowMs: nowMs + 100 };
    assert.deepEqual(kinds(issue(later, [close]).effects), ['closeNode']);
  });

  it('a record is sent again only after it had time to be read back', () => {
    const { state, effects } = issue(primaryState(), [prepare, prepare]);
    assert.equal(effects.length, 1);
    const ended = effectEnded(state, effects[0]?.id ?? 0, false).state;
    assert.deepEqual(issue(ended, [prepare]).effects, []);
    assert.equal(issue({ ...ended, nowMs: nowMs + 1500 }, [prepare]).effects.length, 1);
  });

  it('a stalled log is not filled with renewals', () => {
    const { state } = issue(primaryState(), [renew, renew]);
    assert.equal(state.lease.sent.length, 2);
    assert.deepEqual(issue(state, [renew]).effects, []);
  });

  it('whatever closes the node makes an earlier probe worthless', () => {
    for (const effect of [close, seal]) {
      const before = primaryState();
      assert.deepEqual(before.opening?.probedAt, at('1:0/0'));
      const { state } = issue(before, [effect]);
      assert.equal(state.opening?.probedAt, null);
      assert.notEqual(state.opening?.id, before.opening?.id);
    }
  });
});
