import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeControlState,
  encodeControlState,
} from '../../../../../shared/core/control/control-state-codec.ts';
import {
  initialControlState,
  type ControlState,
} from '../../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import {
  ap,
  at,
  eu,
  foldAll,
  inEpochOne,
  record,
  us,
} from '../../../../helpers/control-records.ts';

const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
const sealing = foldAll(
  [
    record.prepare(2, { change: 'switchover', preferred: us, operation }),
    record.seal(2, ap, { at: '1:0/10', confirmed: at('1:0/9') }),
    record.prepare(2, {
      attempt: 2,
      preferred: us,
      force: { acceptDataLoss: true, seals: [{ region: ap, position: at('1:0/10') }] },
    }),
  ],
  inEpochOne([us, ap]),
).state;

const states: Readonly<Record<string, ControlState>> = {
  'before the first record': initialControlState,
  'epoch 1, with members and hellos': foldAll([record.hello(us)], inEpochOne([us, ap])).state,
  'an open change of primary, forced': sealing,
  'after a promotion': foldAll([record.seal(2, us, { at: '1:0/10' })], sealing).state,
  'a region drained, and a note': foldAll(
    [
      { kind: 'traffic', region: us, isAccepting: false, operation },
      { kind: 'note', epoch: 1 as Epoch, region: eu, note: { about: 'opened', pauseMs: 0 } },
    ],
    inEpochOne([us]),
  ).state,
  'automatic failover paused': foldAll(
    [{ kind: 'pause', durationMs: 5, operation }],
    inEpochOne([us]),
  ).state,
};

for (const [name, state] of Object.entries(states)) {
  test(`survives encoding and decoding: ${name}`, () => {
    assert.deepEqual(decodeControlState(encodeControlState(state)), { kind: 'state', state });
  });
}

test('the states above reach what they are named after', () => {
  assert.equal(states['an open change of primary, forced']?.prepare?.force?.seals.length, 1);
  assert.equal(states['after a promotion']?.history.at(-1)?.isForced, true);
  assert.equal(states['after a promotion']?.primary, us);
  assert.equal(states['epoch 1, with members and hellos']?.primary, eu);
});

test('a state goes on folding after it has been stored', () => {
  const stored = decodeControlState(encodeControlState(sealing));
  assert.equal(stored.kind, 'state');
  const next = record.seal(2, us, { at: '1:0/10' });
  assert.deepEqual(foldAll([next], stored.state), foldAll([next], sealing));
});

const refused: readonly { name: string; text: string; kind: 'malformed' | 'unknownVersion' }[] = [
  { name: 'a newer version', text: '{"v":2}', kind: 'unknownVersion' },
  { name: 'no version', text: '{}', kind: 'unknownVersion' },
  { name: 'nothing but the version', text: '{"v":1}', kind: 'malformed' },
  { name: 'no JSON', text: '{', kind: 'malformed' },
  { name: 'a list', text: '[]', kind: 'malformed' },
  {
    name: 'an unknown key',
    text: encodeControlState(initialControlState).replace('{', '{"extra":1,'),
    kind: 'malformed',
  },
];

for (const { name, text, kind } of refused) {
  test(`refused: ${name}`, () => {
    assert.equal(decodeControlState(text).kind, kind);
  });
}
