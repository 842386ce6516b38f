// test: alone deadline 300 s
/**
 * One region of docker-compose.regions.yml, started from what a real Compose loader makes of the
 * file: users, commands, environment, mounted files, volumes, health checks and order. It joins two
 * regions that `region up` started, in mode tls. Namespaces stand for a container engine.
 */
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { statusOf } from '../deploy/cluster-status.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { ComposeEngine, whyNoEngine } from './engine.ts';
import { createComposeLoader } from './load-compose.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const composeFile = resolve(import.meta.dirname, '../../../docker-compose.regions.yml');
const network = `10.${80 + Math.floor(Math.random() * 160)}.${process.pid % 250}`;
const skip = whyNoEngine() ?? false;
let hosts: SecuredHosts;
let engine: ComposeEngine;

before(async () => {
  if (skip !== false) return;
  hosts = await SecuredHosts.make(regions, { contained: { region: 'eu-west', network } });
  const cluster = join(hosts.folder, 'cluster');
  chownSync(join(cluster, 'eu-west.secrets.yaml'), 999, 999);
  process.env['MERIDIAN_CLUSTER_FILE'] = join(cluster, 'meridian.yaml');
  process.env['MERIDIAN_SECRETS_FOLDER'] = cluster;
  const loader = createComposeLoader();
  const model = loader.load(composeFile, ['eu-west']);
  loader.close();
  engine = new ComposeEngine({ model, folder: join(hosts.folder, 'compose'), network });
});

after(async () => {
  await engine?.down();
  await hosts?.remove();
  engine?.close();
});

test('its parts become healthy in the order of the file', { skip }, async () => {
  for (const region of ['us-east', 'ap-south']) hosts.up(region);
  await engine.up();
});

test('it joins the two regions that `region up` started', { skip }, async () => {
  const found = await eventually(
    async () => {
      const now = await statusOf(hosts, 'us-east');
      const isWhole = now?.members.length === 2 && now.regions.every((r) => r.health === 'healthy');
      return isWhole && now.primary !== null ? now : null;
    },
    { deadlineMs: 150_000, intervalMs: 1000 },
  );
  assert.equal(found.primary, 'eu-west');
});

test('it takes writes as the primary and serves reads of another one', { skip }, async () => {
  await hosts.query('us-east', 'CREATE TABLE note (id int PRIMARY KEY, body text)');
  const written = await hosts.query('eu-west', `INSERT INTO note VALUES (1, 'contained')`);
  assert.match(String(written.headers['meridian-durability']), /^semi-sync; regions=[23]\/3/);
  const moved = await hosts.run('us-east', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await hosts.query('ap-south', `UPDATE note SET body = 'moved'`);
  await eventually(async () => {
    const { body } = await hosts.query('eu-west', 'SELECT body FROM note', 'eventual');
    return (body as { rows: { body: unknown }[] }).rows[0]?.body === 'moved';
  });
});

test('it stops as a whole within the periods of grace; the others go on', { skip }, async () => {
  await engine.down();
  await hosts.query('ap-south', `UPDATE note SET body = 'without it'`);
});
