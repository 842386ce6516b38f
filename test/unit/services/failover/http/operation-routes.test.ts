/** The events of an operation: each change once, from where the client left off, then the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createServer } from '../../../../../shared/http/server.ts';
import { signAccessToken } from '../../../../../shared/auth/access-token.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import type { ControllerAccess } from '../../../../../services/failover/http/controller-access.ts';
import type { ShownOperation } from '../../../../../services/failover/http/operation-json.ts';
import { operationRoutes } from '../../../../../services/failover/http/operation-routes.ts';
import { clusterId, controllerAccess, keys } from '../../../../helpers/controller-access.ts';
import {
  ap,
  epoch,
  primaryState,
  record,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const id = '0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e';
const prepare = record.prepare(2, {
  preferred: us,
  operation: { id, by: 'ann', reason: 'moving', atMs: 1 },
});
const opened: ControlRecord = {
  kind: 'note',
  epoch: epoch(2),
  region: us,
  note: { about: 'opened', pauseMs: 700 },
};

interface Event {
  readonly id: string;
  readonly operation: ShownOperation;
}

type Listener = Parameters<ControllerAccess['onChange']>[0];

/** A region of which further records are read while clients listen. */
async function listening(state: ControllerState) {
  let current = state;
  const listeners = new Set<Listener>();
  const access: ControllerAccess = {
    ...controllerAccess({ state }),
    state: () => current,
    view: () => controllerAccess({ state: current }).view(),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(operationRoutes(access));
  const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
  const token = await signAccessToken({ ...base, scopes: ['admin:viewer'] });
  return {
    listeners,
    read(...records: readonly ControlRecord[]): void {
      current = withRecords(current, ...records);
      for (const listener of [...listeners]) listener(access.view());
    },
    async events(lastEventId?: string): Promise<{ status: number; events: readonly Event[] }> {
      const reply = await server.inject({
        url: `/admin/operations/${id}/events`,
        headers: {
          authorization: `Bearer ${token}`,
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
      });
      return { status: reply.statusCode, events: parse(reply.payload) };
    },
  };
}

function parse(payload: string): readonly Event[] {
  return payload
    .split('\n\n')
    .filter((text) => text !== '')
    .map((text) => {
      const [, name = '', data = ''] =
        /^id: (\S+)\nevent: operation\ndata: (.*)$/.exec(text) ?? assert.fail(text);
      return { id: name, operation: JSON.parse(data) as ShownOperation };
    });
}

const phases = (events: readonly Event[]): readonly string[] =>
  events.map(({ operation }) => `${operation.phase} ${operation.percent}`);

/** Resolves when somebody listens to `region`. */
async function heard(region: { readonly listeners: ReadonlySet<unknown> }): Promise<void> {
  while (region.listeners.size === 0) await new Promise(setImmediate);
}

test('each change is an event as it happens, the end is the last', { timeout: 5000 }, async () => {
  const region = await listening(withRecords(primaryState(), prepare));
  const following = region.events();
  await heard(region);
  region.read(record.seal(2, us));
  region.read(record.member(1, ap));
  region.read(record.seal(2, ap));
  region.read(opened);
  const { status, events } = await following;
  assert.equal(status, 200);
  assert.deepEqual(phases(events), [
    'waiting-for-seals 20',
    'waiting-for-seals 40',
    'opening 75',
    'done 100',
  ]);
  assert.equal(events.at(-1)?.operation.result?.['writePauseMs'], 700);
  assert.equal(region.listeners.size, 0);
});

test('who comes back with Last-Event-ID is told what is new since', { timeout: 5000 }, async () => {
  const region = await listening(withRecords(primaryState(), prepare, record.seal(2, us)));
  const first = region.events();
  await heard(region);
  region.read(record.seal(2, ap), opened);
  const { events } = await first;
  assert.deepEqual(phases(events), ['waiting-for-seals 40', 'done 100']);
  const [waiting, done] = events;
  assert.deepEqual(phases((await region.events(waiting?.id)).events), ['done 100']);
  assert.deepEqual(await region.events(done?.id), { status: 204, events: [] });
  assert.deepEqual(phases((await region.events('of another region')).events), ['done 100']);
});

test('nothing is sent again while nothing changes', { timeout: 5000 }, async () => {
  const region = await listening(withRecords(primaryState(), prepare));
  const first = region.events();
  await heard(region);
  region.read(record.seal(2, us));
  region.read(record.seal(2, ap), opened);
  const [, sealed] = (await first).events;
  const other = await listening(withRecords(primaryState(), prepare, record.seal(2, us)));
  const again = other.events(sealed?.id);
  await heard(other);
  other.read();
  other.read(record.seal(2, ap), opened);
  assert.deepEqual(phases((await again).events), ['done 100']);
});
