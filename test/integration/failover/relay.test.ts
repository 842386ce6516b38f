/**
 * A region whose own way to the control log is cut reads and appends through another region: real
 * Kafka, the real peer API between the two. The line to Kafka is cut inside this process, because
 * a broker's clients go to the address that it advertises.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { PeerLog } from '../../../services/failover/io/relay/peer-log.ts';
import { RecentEntries } from '../../../services/failover/io/relay/recent-entries.ts';
import { RelayedControlLog } from '../../../services/failover/io/relay/relayed-control-log.ts';
import { createRelaySource } from '../../../services/failover/io/relay/relay-source.ts';
import { relayRoutes } from '../../../services/failover/http/relay-routes.ts';
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import { isMeridianError, MeridianError } from '../../../shared/errors/meridian-error.ts';
import { createPeerClient } from '../../../shared/http/peer-client.ts';
import { createServer } from '../../../shared/http/server.ts';
import { controlTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { createControlLog } from '../../../shared/kafka/control-log.ts';
import { controlTopicOf, type TopicTarget } from '../../../shared/kafka/topic.ts';
import type { ControlEntry, ControlLog } from '../../../shared/ports/control-log.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { clusterId, controllerAccess, keys } from '../../helpers/controller-access.ts';
import { ap, us } from '../../helpers/control-records.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startTestKafka, type TestKafka } from '../../helpers/kafka.ts';

const logger = pino({ level: 'silent' });
const stop = new AbortController();
const client = createPeerClient({ region: us, clusterId, peerKeys: keys });
const kept = new RecentEntries();
let kafka: TestKafka;
let server: FastifyInstance;
let origin: string;
let lentId = 'log-1';
let [cut, own, lent]: [CutLine | null, ControlLog | null, ControlLog | null] = [null, null, null];

/** A line to Kafka: while it is cut nothing is appended and nothing read. */
class CutLine implements ControlLog {
  isCut = false;
  readonly #log: ControlLog;

  constructor(log: ControlLog) {
    this.#log = log;
  }

  append(record: ControlRecord): Promise<LogOffset> {
    if (!this.isCut) return this.#log.append(record);
    return Promise.reject(new MeridianError('LogUnavailable', 'the line is cut'));
  }

  async *read(offset: LogOffset, signal: AbortSignal): AsyncGenerator<ControlEntry> {
    for await (const entry of this.#log.read(offset, signal)) {
      while (this.isCut && !signal.aborted) await sleep(20, signal);
      yield entry;
    }
  }

  lastHeardMs(): number {
    return this.#log.lastHeardMs();
  }
}

before(async () => {
  kafka = await startTestKafka(1);
  const targetOf = (clientId: string): TopicTarget => ({
    brokers: kafka.addresses,
    clientId,
    topic: controlTopicOf('main'),
    logger,
    clock: systemClock,
  });
  const voters = kafka.brokers.map(({ nodeId }) => ({ nodeId, isVoter: true }));
  await ensureTopic(targetOf('maker'), controlTopicShape(voters));
  lent = keepOpen(createControlLog(targetOf('lent')));
  cut = new CutLine(keepOpen(createControlLog(targetOf('own'))));
  server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 5000 });
  const relay = createRelaySource(lent, kept, () => lentId);
  await server.register(relayRoutes(controllerAccess({ relay })));
  origin = await server.listen({ host: '127.0.0.1', port: 0 });
  own = relayedLog(cut);
  void follow(lent, (entry) => kept.note(entry));
});

after(async () => {
  stop.abort();
  await Promise.all([client.close(), server.close()]);
  for (const close of closers) close();
  await kafka.stop();
});

const closers: (() => void)[] = [];
function keepOpen(log: ReturnType<typeof createControlLog>): ControlLog {
  closers.push(() => log.close());
  return log;
}

function relayedLog(line: ControlLog): ControlLog {
  const peer = new PeerLog({
    ...{ peer: { region: ap, origin }, client, clock: systemClock },
    logId: () => 'log-1',
  });
  const onEntry = (): void => undefined;
  return new RelayedControlLog({ own: line, peers: [peer], clock: systemClock, logger, onEntry });
}

test('a cut line costs one append in doubt; order and number of entries stay', async () => {
  assert.ok(own !== null && cut !== null);
  const seen: ControlEntry[] = [];
  void follow(own, (entry) => seen.push(entry));
  const offsets = [await own.append(pause(1))];
  await eventually(() => seen.length === 1);
  cut.isCut = true;
  await assert.rejects(own.append(pause(2)), (error) => isMeridianError(error, 'LogUnavailable'));
  offsets.push(await own.append(pause(3)), await own.append(pause(4)));
  await eventually(() => seen.length === 3);
  cut.isCut = false;
  offsets.push(await own.append(pause(5)));
  await eventually(() => seen.length === 4);
  assert.deepEqual(seen.map(numberOf), [1, 3, 4, 5]);
  assert.deepEqual(
    seen.map(({ offset }) => offset),
    offsets,
  );
});

test('a region that starts while it is cut off reads from the first entry on', async () => {
  assert.ok(lent !== null);
  const line = new CutLine(keepNothing());
  line.isCut = true;
  const seen: number[] = [];
  void follow(relayedLog(line), (entry) => seen.push(numberOf(entry)));
  await lent.append(pause(6));
  await eventually(() => seen.includes(6), { deadlineMs: 10_000 });
  assert.deepEqual(seen, [1, 3, 4, 5, 6]);
});

test('entries that the other region does not keep are read from its log', async () => {
  assert.ok(lent !== null);
  const young = new RecentEntries();
  young.note({ offset: 4n as LogOffset, record: pause(6) });
  const entries = await createRelaySource(lent, young, () => null).entriesFrom(1n as LogOffset, 0);
  assert.deepEqual(entries.map(numberOf).slice(0, 4), [3, 4, 5, 6]);
});

test('a region that reads another log lends nothing of it', async () => {
  lentId = 'log-2';
  const peer = new PeerLog({
    ...{ peer: { region: ap, origin }, client, clock: systemClock },
    logId: () => 'log-1',
  });
  const ways = peer.follow({ isNeeded: () => true, next: () => firstOffset, signal: stop.signal });
  const first = ways.next();
  await eventually(() => peer.trust < 0, { deadlineMs: 10_000 });
  lentId = 'log-1';
  assert.deepEqual((await first).value?.map(numberOf).slice(0, 2), [1, 3]);
});

test('who is no region is refused', async () => {
  for (const [method, body] of [
    ['GET', null],
    ['POST', '{"record":"{}"}'],
  ] as const) {
    const headers = body === null ? {} : { 'content-type': 'application/json' };
    const reply = await fetch(`${origin}/peer/control-log?from=0`, { method, body, headers });
    assert.equal(reply.status, 401);
  }
});

test('without the log the other region acknowledges nothing', { timeout: 60_000 }, async () => {
  assert.ok(own !== null && cut !== null);
  cut.isCut = true;
  await kafka.brokers[0]?.kill();
  for (let tries = 0; tries < 2; tries += 1) {
    const startedAt = performance.now();
    await assert.rejects(own.append(pause(7)), (error) => isMeridianError(error, 'LogUnavailable'));
    assert.ok(performance.now() - startedAt < 6000);
  }
});

async function follow(log: ControlLog, onEntry: (entry: ControlEntry) => void): Promise<void> {
  for await (const entry of log.read(firstOffset, stop.signal)) onEntry(entry);
}

function pause(durationMs: number): ControlRecord {
  return { kind: 'pause', durationMs, operation: null };
}

function numberOf({ record }: ControlEntry): number {
  return record.kind === 'pause' ? record.durationMs : -1;
}

/** A log that nothing was ever read from. */
function keepNothing(): ControlLog {
  return {
    append: () => Promise.reject(new Error('not used')),
    async *read(_, signal) {
      await sleep(60_000, signal);
      yield* [];
    },
    lastHeardMs: () => -Infinity,
  };
}
