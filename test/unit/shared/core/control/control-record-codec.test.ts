import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeControlRecord,
  encodeControlRecord,
} from '../../../../../shared/core/control/control-record-codec.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { NodeId } from '../../../../../shared/core/node.ts';
import { ap, at, eu, record, us } from '../../../../helpers/control-records.ts';

const operation = { id: 'op-1', by: 'ann', reason: 'a "test"', atMs: 1 };

const records: Readonly<Record<string, ControlRecord>> = {
  policy: record.policy(),
  'hello without a node': record.hello(eu),
  'hello with its node': {
    kind: 'hello',
    region: eu,
    incarnation: 'x',
    maxRules: 1,
    node: 'eu-west/pg-1' as NodeId,
  },
  renew: record.renew(3, eu, 9_007_199_254_740_991),
  prepare: record.prepare(2),
  'prepare of an operator': record.prepare(2, { change: 'switchover', preferred: us, operation }),
  'forced prepare': record.prepare(2, {
    attempt: 2,
    preferred: us,
    force: { acceptDataLoss: true, seals: [{ region: us, position: at('1:0/10') }] },
  }),
  'forced prepare, shown no seal': record.prepare(2, {
    attempt: 2,
    preferred: us,
    force: { acceptDataLoss: true, seals: [] },
  }),
  'seal that does not know what it confirmed': record.seal(2, ap, { at: '1:A/BCDEF' }),
  'final seal': record.seal(2, eu, { at: '1:0/20', final: true, confirmed: at('1:0/10') }),
  'member added': record.member(1, us),
  'member removed': record.member(1, us, { action: 'remove', version: 1 }),
  degrade: record.degrade(1, 1, 0),
  pause: { kind: 'pause', durationMs: 60_000, operation },
  'region added': { kind: 'region', version: 2, action: 'add', region: us, operation },
  traffic: { kind: 'traffic', region: us, isAccepting: false, operation },
  'revocation of a token': {
    kind: 'revoke',
    revocation: { tokenId: 't', subject: null, issuedBeforeMs: 0, untilMs: 9_000 },
    atMs: 1,
    operation,
  },
  audit: { kind: 'audit', verb: 'discard', region: us, epoch: 2 as Epoch, operation },
  'note of an opening': {
    ...{ kind: 'note', epoch: 2 as Epoch, region: us },
    note: { about: 'opened', pauseMs: 812 },
  },
  'note of a tail': {
    ...{ kind: 'note', epoch: 2 as Epoch, region: eu },
    note: { about: 'tail', transactions: 1, rows: 2, mayBeConfirmed: true, isListed: false },
  },
  'pause without an operator': { kind: 'pause', durationMs: 0, operation: null },
};

for (const [name, given] of Object.entries(records)) {
  test(`survives encoding and decoding: ${name}`, () => {
    assert.deepEqual(decodeControlRecord(encodeControlRecord(given)), {
      kind: 'record',
      record: given,
    });
  });
}

test('the written form is fixed', () => {
  assert.equal(
    encodeControlRecord(record.seal(2, eu, { at: '1:1/20', final: true })),
    '{"v":1,"kind":"seal","epoch":2,"region":"eu-west","store":"eu-west-store",' +
      '"position":"1:1/20","final":true,"confirmed":null}',
  );
});

const seal = JSON.parse(encodeControlRecord(record.seal(2, eu))) as object;
const renew = JSON.parse(encodeControlRecord(record.renew(2, eu))) as object;

interface RefusedRow {
  readonly name: string;
  readonly value: unknown;
  readonly kind: 'malformed' | 'unknownVersion';
  readonly why: RegExp;
}
const refused: readonly RefusedRow[] = [
  { name: 'a newer version', value: { ...seal, v: 2 }, kind: 'unknownVersion', why: /version 2/ },
  {
    name: 'a kind of a newer program',
    value: { v: 1, kind: 'vote' },
    kind: 'unknownVersion',
    why: /vote/,
  },
  { name: 'no version', value: { ...seal, v: undefined }, kind: 'malformed', why: /version/ },
  {
    name: 'a version before the first',
    value: { ...seal, v: 0 },
    kind: 'malformed',
    why: /version/,
  },
  { name: 'a version as text', value: { ...seal, v: '2' }, kind: 'malformed', why: /version/ },
  { name: 'no kind', value: { v: 1 }, kind: 'malformed', why: /kind/ },
  {
    name: 'an inherited kind',
    value: { v: 1, kind: 'toString' },
    kind: 'unknownVersion',
    why: /toString/,
  },
  { name: 'an unknown key', value: { ...seal, extra: 1 }, kind: 'malformed', why: /extra/ },
  { name: 'a key missing', value: { ...seal, store: undefined }, kind: 'malformed', why: /store/ },
  { name: 'an epoch as text', value: { ...renew, epoch: '2' }, kind: 'malformed', why: /epoch/ },
  { name: 'no object', value: [1], kind: 'malformed', why: /object/ },
  {
    name: 'a loss that is not accepted',
    value: {
      ...(JSON.parse(encodeControlRecord(record.prepare(2, { attempt: 2 }))) as object),
      force: { acceptDataLoss: false, seals: [] },
    },
    kind: 'malformed',
    why: /acceptDataLoss/,
  },
];

for (const { name, value, kind, why } of refused) {
  test(`refused: ${name}`, () => {
    const decoded = decodeControlRecord(JSON.stringify(value));
    assert.deepEqual([decoded.kind, 'why' in decoded], [kind, true]);
    assert.match('why' in decoded ? decoded.why : '', why);
  });
}

for (const text of ['', '{', 'null', '"x"']) {
  test(`refused: the text '${text}'`, () => {
    assert.equal(decodeControlRecord(text).kind, 'malformed');
  });
}
