/**
 * What a region acknowledged on an older link counts no more once a newer one begins: it may have
 * lost its data since. A real link server, real links, and what the controller decides on them.
 */
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { after, before, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { decideMembers } from '../../../services/failover/core/members/member-plan.ts';
import { newCluster } from '../../../services/local/cluster-files.ts';
import { newSecrets } from '../../../services/local/new-secrets.ts';
import { LinkServer } from '../../../services/replicator/io/link/link-server.ts';
import type { LinkSource } from '../../../services/replicator/io/link/link-session.ts';
import { PeerTable } from '../../../services/replicator/io/link/peer-table.ts';
import { PeerLink } from '../../../services/replicator/io/region-link.ts';
import type { PeerStatus } from '../../../shared/core/replication-report.ts';
import { createServer } from '../../../shared/http/server.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { systemClock as clock } from '../../../shared/runtime/system-clock.ts';
import { at, eu, inEpochOne, primaryState, us } from '../../helpers/controllers.ts';
import { eventually } from '../../helpers/eventually.ts';

const host = '127.0.0.1';
const regions = [eu, us].map((id) => {
  return { id, name: id, host, bind: host, latitude: 0, longitude: 0 };
});
const cluster = clusterConfigSchema.parse(newCluster(regions, 1));
const { clusterId } = cluster;
const logger = createLogger({ service: 'test', region: eu, level: 'fatal' as 'error' });
const { heartbeatIntervalMs, creditBytes } = cluster.replicator;
const links = new AbortController();

let table: PeerTable;
let server: FastifyInstance;
let serving: LinkServer;
let options: ConstructorParameters<typeof PeerLink>[0];

before(async () => {
  const { secrets } = await newSecrets(cluster, false);
  const own = secrets.get(eu);
  assert.ok(own);
  const { peerKeys } = own.shared;
  const config = cluster.replicator;
  table = new PeerTable({ config, secrets: own, cluster, region: eu, clock, logger });
  const source: Partial<LinkSource> = {
    ...{ region: eu, clock, heartbeatIntervalMs },
    onConnected: (peer) => table.connect(peer),
    onAcknowledged: (peer, acknowledgement) => table.acknowledge(peer, acknowledgement),
    onHeard: (peer) => table.hear(peer),
  };
  serving = new LinkServer({ clusterId, peerKeys, logger, source: source as LinkSource });
  server = createServer({ logger, bodyBytesMax: 1000, requestTimeoutMs: 2000, link: 'peer' });
  serving.attach(server.server);
  const { port } = new URL(await server.listen({ host, port: 0 }));
  const limits = { creditBytes, heartbeatIntervalMs, clock, logger };
  options = { peer: eu, region: us, clusterId, peerKeys, host, port: Number(port), ...limits };
});

after(async () => {
  links.abort();
  serving.stop();
  await server.close();
});

test('an acknowledgement of an older link makes nobody a member', async () => {
  const ending = new AbortController();
  const older = new PeerLink(options);
  const ended = older.run(ending.signal);
  older.acknowledge(at('1:0/10'), 'us-east-store');
  await eventually(() => older.isConnected && serving.isConnected(us));
  older.acknowledge(at('1:0/10'), 'us-east-store');
  await eventually(() => status().applied !== null);
  assert.equal(decision().kind, 'append');

  // Its process ends, its data are lost, and it comes back with nothing to say yet.
  ending.abort();
  await ended;
  await eventually(() => !serving.isConnected(us));
  const newer = new PeerLink(options);
  const running = newer.run(links.signal);
  await eventually(() => newer.isConnected && serving.isConnected(us));
  assert.deepEqual([status().store, status().applied], [null, null]);
  assert.equal(decision().kind, 'keep');

  newer.acknowledge(at('1:0/8'), 'us-east-store-2');
  await eventually(() => status().store === 'us-east-store-2');
  assert.equal(decision().kind, 'append');
  links.abort();
  await running;
});

function status(): PeerStatus {
  const [found] = table.statuses((peer) => serving.isConnected(peer));
  assert.ok(found);
  return found;
}

/** What the primary's controller, without a member yet, makes of it. */
function decision(): ReturnType<typeof decideMembers> {
  const state = primaryState({ fold: inEpochOne([]), nowMs: clock.monotonicMs() });
  const { replication } = state;
  assert.ok(replication);
  return decideMembers({ ...state, replication: { ...replication, peers: [status()] } });
}
