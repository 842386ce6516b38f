// test: alone deadline 300 s
/**
 * Two regions and a witness, each started from its own files. One region may then be lost with its
 * broker: the other and the witness decide, and nothing that was confirmed is gone.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';

let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(['eu-west', 'us-east'], { witness: 'third' });
});

after(async () => {
  await hosts?.remove();
});

test('a region that is alone says whom it waits for', async () => {
  hosts.up('us-east');
  await eventually(
    () => /2 of 3 voters: eu-west, third not there yet/.test(hosts.talk('us-east')),
    {
      deadlineMs: 60_000,
      intervalMs: 500,
    },
  );
});

test('with the witness and the other region they become one cluster', async () => {
  hosts.up('third');
  hosts.up('eu-west');
  const found = await eventually(
    async () => {
      const now = await statusOf(hosts, 'us-east');
      return now?.primary !== null && now?.members.length === 1 ? now : null;
    },
    { deadlineMs: 120_000, intervalMs: 1000 },
  );
  assert.equal(found.primary, 'eu-west');
  await hosts.query('us-east', 'CREATE TABLE note (id int PRIMARY KEY, body text)');
  const written = await hosts.query('us-east', `INSERT INTO note VALUES (1, 'confirmed')`);
  assert.match(String(written.headers['meridian-durability']), /^semi-sync; regions=2\/2/);
});

test('the witness holds the control log and no data', () => {
  assert.deepEqual(hosts.topics('third'), ['meridian.main.control']);
});

test('the primary region is lost: the other one takes over with the confirmed write', async () => {
  await hosts.kill('eu-west');
  const read = await eventually(
    async () => {
      const { body } = await hosts.query('us-east', 'SELECT body FROM note', 'strong');
      return (body as { rows: { body: string }[] }).rows;
    },
    { deadlineMs: 60_000, intervalMs: 1000 },
  );
  assert.deepEqual(read, [{ body: 'confirmed' }]);
  assert.equal((await statusOf(hosts, 'us-east'))?.primary, 'us-east');
});
