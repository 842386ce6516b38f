import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditOf, historyOf } from '../../../../../services/failover/http/history-json.ts';
import {
  foldAll,
  inEpochOne,
  record,
  us,
  ap,
  eu,
  at,
} from '../../../../helpers/control-records.ts';
import { controllerAccess } from '../../../../helpers/controller-access.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';

const operation = { id: 'op-1', by: 'ops', reason: 'fire', atMs: 1_600_000_000_000 };
const forced = [
  record.prepare(2, { operation }),
  record.seal(2, us, { at: '1:0/10' }),
  record.prepare(2, {
    attempt: 2,
    preferred: us,
    force: { acceptDataLoss: true, seals: [{ region: us, position: at('1:0/10') }] },
    operation: { ...operation, by: 'chief' },
  }),
];
const tail = { transactions: 2, rows: 3, mayBeConfirmed: true, isListed: true };
const note = (region: typeof us, said: object): ControlRecord =>
  ({ kind: 'note', epoch: 2 as Epoch, region, note: said }) as ControlRecord;

function accessAfter(...records: readonly ControlRecord[]): ReturnType<typeof controllerAccess> {
  return controllerAccess({ state: { fold: foldAll(records, inEpochOne([us, ap])).state } });
}

test('what a forced failover lost is not known before a region tells it', () => {
  const [newest] = historyOf(accessAfter(...forced));
  assert.deepEqual([newest?.['isForced'], newest?.['by']], [true, 'chief']);
  assert.deepEqual(
    [newest?.['pauseMs'], newest?.['rowsLost'], newest?.['tails']],
    [null, null, []],
  );
});

test('history tells the pause and the rows that regions held beyond the cut', () => {
  const access = accessAfter(
    ...forced,
    note(us, { about: 'opened', pauseMs: 812 }),
    note(eu, { about: 'tail', ...tail }),
    note(ap, { about: 'tail', ...tail, rows: 1 }),
  );
  const [newest] = historyOf(access);
  assert.deepEqual([newest?.['pauseMs'], newest?.['rowsLost']], [812, 3]);
  assert.deepEqual(newest?.['tails'], [
    { region: eu, ...tail },
    { region: ap, ...tail, rows: 1 },
  ]);
});

test('a tail that could not be listed leaves the loss unknown', () => {
  const [newest] = historyOf(
    accessAfter(...forced, note(eu, { about: 'tail', ...tail, isListed: false })),
  );
  assert.equal(newest?.['rowsLost'], null);
});

test('the audit says who asked for what, each attempt by itself', () => {
  const drain = { kind: 'traffic', region: ap, isAccepting: false, operation } as const;
  const items = auditOf(accessAfter(drain, ...forced));
  assert.deepEqual(
    items.map((one) => [one['by'], one['verb'], one['region'], one['attempt'], one['isForced']]),
    [
      ['chief', 'failover', us, 2, true],
      ['ops', 'failover', null, 1, false],
      ['ops', 'drain', ap, null, false],
    ],
  );
});

test('the audit shows what this region refused, by its time among the others', () => {
  const drain = { kind: 'traffic', region: ap, isAccepting: false, operation } as const;
  const request = {
    kind: 'change',
    change: 'failover',
    to: us,
    force: true,
    acceptDataLoss: false,
    operation: { id: 'op-9', by: 'eve', reason: 'now', atMs: operation.atMs + 1000 },
  } as const;
  const { fold } = accessAfter(drain).state();
  const why = 'a forced failover can lose confirmed writes';
  const access = controllerAccess({ state: { fold, declined: [{ request, why }] } });
  const items = auditOf(access);
  assert.deepEqual(
    items.map((one) => [one['by'], one['verb'], one['region'], one['isForced'], one['refused']]),
    [
      ['eve', 'failover', us, true, why],
      ['ops', 'drain', ap, false, null],
    ],
  );
  assert.equal(items[0]?.['operationId'], 'op-9');
});
