/** What regions tell each other beside the control log: taken from a region, in its own words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { signPeerToken } from '../../../../../shared/auth/peer-token.ts';
import { encodeControlRecord } from '../../../../../shared/core/control/control-record-codec.ts';
import type { RenewRecord } from '../../../../../shared/core/control/control-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { createServer } from '../../../../../shared/http/server.ts';
import { relayRoutes } from '../../../../../services/failover/http/relay-routes.ts';
import { clusterId, controllerAccess, keys } from '../../../../helpers/controller-access.ts';

const region = 'us-east' as RegionId;
const renewal: RenewRecord = {
  ...{ kind: 'renew', epoch: 3 as Epoch, region },
  ...{ incarnation: 'one', seq: 7 },
};

async function announce(record: string, token: string) {
  const access = controllerAccess();
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(relayRoutes(access));
  const { statusCode } = await server.inject({
    method: 'POST',
    url: '/peer/announcement',
    headers: { authorization: `Bearer ${token}` },
    payload: { record },
  });
  return { statusCode, heard: access.heard };
}

test('an announcement of a region is heard as it was sent', async () => {
  const token = await signPeerToken(region, clusterId, keys);
  const { statusCode, heard } = await announce(encodeControlRecord(renewal), token);
  assert.equal(statusCode, 204);
  assert.deepEqual(heard, [renewal]);
});

test('nothing is heard without a region’s token, and nothing that is no record', async () => {
  const unsigned = await announce(encodeControlRecord(renewal), 'none');
  assert.equal(unsigned.statusCode, 401);
  assert.deepEqual(unsigned.heard, []);
  const broken = await announce('{}', await signPeerToken(region, clusterId, keys));
  assert.equal(broken.statusCode, 400);
  assert.deepEqual(broken.heard, []);
});
