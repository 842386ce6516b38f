// test: alone deadline 300 s
/**
 * Three regions as `meridian init` writes them, mode tls: every link between processes shows a
 * certificate of the cluster's own authority. They come up in any order, replicate, switch over.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { controlTopicOf, dataTopicOf } from '../../../shared/kafka/topic.ts';
import { installLinkIdentity, linkIdentity } from '../../../shared/runtime/link-security.ts';
import { eventually } from '../../helpers/eventually.ts';
import { runCli, type CliResult } from '../cli/cli-run.ts';
import { adminRoles } from './admin-roles.ts';
import { SecuredHosts } from './hosts.ts';
import { append, countOf, forgedIdentity } from './kafka-refusals.ts';
import { secretsOf, tracesOf } from './secret-traces.ts';
import { shownCertificates } from './shown-certificates.ts';

const regions = ['eu-west', 'us-east', 'ap-south'] as const;
let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(regions);
});

after(async () => {
  await hosts?.remove();
});

interface Status {
  readonly primary: string | null;
  readonly members: readonly string[];
  readonly regions: readonly { readonly health: string }[];
}

interface Diagnosis {
  readonly isRunning: boolean;
  readonly findings: readonly { readonly level: string; readonly check: string }[];
}

async function status(region: string): Promise<Status | null> {
  const { code, out } = await hosts.run(region, ['status', '--json']);
  return code === 0 ? (JSON.parse(out) as Status) : null;
}

async function bodyIn(region: string): Promise<unknown> {
  const { body } = await hosts.query(region, 'SELECT body FROM note', 'eventual');
  return (body as { rows: { body: unknown }[] }).rows[0]?.body;
}

test('each started by itself, in any order, the regions become one cluster', async () => {
  for (const region of regions.toReversed()) hosts.up(region);
  const found = await eventually(
    async () => {
      const now = await status('eu-west');
      const isWhole = now?.members.length === 2 && now.regions.every((r) => r.health === 'healthy');
      return isWhole && now.primary !== null ? now : null;
    },
    { deadlineMs: 150_000, intervalMs: 1000 },
  );
  assert.equal(found.primary, 'eu-west');
});

test('a write is confirmed by another region and read in all of them', async () => {
  await hosts.query('us-east', 'CREATE TABLE note (id int PRIMARY KEY, body text)');
  const written = await hosts.query('ap-south', `INSERT INTO note VALUES (1, 'secured')`);
  assert.match(String(written.headers['meridian-durability']), /^semi-sync; regions=[23]\/3/);
  for (const region of regions) {
    await eventually(async () => (await bodyIn(region)) === 'secured');
  }
});

test('doctor finds every part of a running region as it must be', async () => {
  let [code, text]: [number | null, string] = [null, ''];
  const isAllWell = async (): Promise<boolean> => {
    ({ code, out: text } = await hosts.run('us-east', ['doctor', '--json']));
    return code === 0;
  };
  // The standby may still be on its way.
  await eventually(isAllWell, { deadlineMs: 60_000, intervalMs: 1000 }).catch(() => undefined);
  const { isRunning, findings } = JSON.parse(text) as Diagnosis;
  const failures = findings.filter(({ level }) => level === 'failed');
  assert.deepEqual([code, isRunning, failures], [0, true, []]);
  for (const part of ['postgres us-east/pg-1', 'kafka quorum', 'redis', 'region eu-west']) {
    assert.equal(findings.find(({ check }) => check === part)?.level, 'ok', part);
  }
});

test('a switchover moves the primary; writes go on', async () => {
  const moved = await hosts.run('ap-south', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await hosts.query('eu-west', `UPDATE note SET body = 'moved'`);
  for (const region of regions) {
    await eventually(async () => (await bodyIn(region)) === 'moved');
  }
});

test('a revoked token is refused in every region, without a restart', async () => {
  const token = await hosts.token('data:write');
  const other = await hosts.token('data:write');
  const id = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    jti: string;
  };
  for (const region of regions) assert.equal(await hosts.statusWith(region, token), 200);
  const revoked = await hosts.run('us-east', ['tokens', 'revoke', id.jti, '--reason', 'stolen']);
  assert.equal(revoked.code, 0, revoked.err);
  for (const region of regions) {
    await eventually(async () => (await hosts.statusWith(region, token)) === 401);
    assert.equal(await hosts.statusWith(region, other), 200);
    const audit = await hosts.admin(region, '/admin/audit', await hosts.token('admin:viewer'));
    const items = audit.body['items'] as { verb: string; by: string; reason: string }[];
    assert.deepEqual([items[0]?.verb, items[0]?.reason], ['revoke', 'stolen'], region);
  }
});

test('a stolen data token opens no admin verb of a running region', async () => {
  const token = await hosts.token('data:write');
  for (const route of Object.keys(adminRoles).filter((one) => one.startsWith('GET'))) {
    const path = (route.split(' ')[1] ?? '').replaceAll(/:\w+/g, '1');
    assert.equal((await hosts.admin('eu-west', path, token)).status, 403, route);
  }
});

test('a certificate of an operator stands for a token, is named, and can be revoked', async () => {
  const file = join(hosts.folder, 'alice.pem');
  const authority = join(hosts.folder, 'cluster/authority');
  const issue = ['certificates', 'operator', 'alice', '--role', 'operator', '--output', file];
  const issued = await hosts.run('eu-west', [...issue, '--authority', authority, '--json']);
  assert.equal(issued.code, 0, issued.err);
  const { serial } = JSON.parse(issued.out) as { serial: string };
  // On a machine that has no secrets.
  const own = ['--config', hosts.fileOf('eu-west', 'meridian.yaml')];
  const asAlice = (...args: string[]): Promise<CliResult> =>
    runCli([...args, ...own, '--data', join(hosts.folder, 'nobody')], {
      MERIDIAN_CERTIFICATE: file,
    });
  assert.equal((await asAlice('status')).code, 0);
  const paused = await asAlice('pause', '--for', '1m', '--reason', 'by alice');
  assert.equal(paused.code, 0, paused.err);
  for (const region of regions) {
    await eventually(async () => {
      const audit = await hosts.admin(region, '/admin/audit', await hosts.token('admin:viewer'));
      const [newest] = audit.body['items'] as { verb: string; by: string; reason: string }[];
      return newest?.reason === 'by alice' && newest.by === 'alice';
    });
  }
  assert.equal((await asAlice('resume')).code, 0);
  assert.equal((await asAlice('tokens', 'revoke', serial)).code, 1, 'an operator is no admin');
  const revoked = await hosts.run('us-east', ['tokens', 'revoke', serial]);
  assert.equal(revoked.code, 0, revoked.err);
  await eventually(async () => /was revoked/.test((await asAlice('status')).err));
});

test('Kafka refuses an append to the log of another region, and a stranger', async () => {
  const own = linkIdentity();
  assert.ok(own !== null);
  const { cell } = hosts.config;
  const before = { 'not-allowed': countOf('not-allowed'), strange: countOf('foreign-authority') };
  await assert.rejects(
    append(hosts, dataTopicOf(cell, 'us-east' as RegionId), 'us-east'),
    (error) => isMeridianError(error, 'Forbidden') && error.details['why'] === 'not-allowed',
  );
  assert.equal(countOf('not-allowed'), before['not-allowed'] + 1);
  installLinkIdentity(await forgedIdentity(own));
  try {
    for (const region of regions) {
      await assert.rejects(
        append(hosts, controlTopicOf(cell), region),
        (error) =>
          isMeridianError(error, 'Unauthenticated') && error.details['why'] === 'foreign-authority',
      );
    }
    assert.equal(countOf('foreign-authority'), before.strange + regions.length);
  } finally {
    installLinkIdentity(own);
  }
});

test('keys and certificates are replaced under load without a failed request', async () => {
  const stop = new AbortController();
  const failed: string[] = [];
  let served = 0;
  const load = regions.map(async (region) => {
    while (!stop.signal.aborted) {
      try {
        await hosts.query(region, 'UPDATE note SET id = id');
        await hosts.query(region, 'SELECT body FROM note', 'strong');
        served += 2;
      } catch (error) {
        failed.push(`${region}: ${String(error)}`);
      }
    }
  });
  const authority = join(hosts.folder, 'cluster/authority');
  const added = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
  try {
    for (const signWith of ['k1', 'k2']) {
      for (const region of regions) {
        const before = taken(region);
        change(region, (set) => ({ signWith, keys: { ...set.keys, k2: added } }));
        await eventually(() => taken(region) > before);
      }
    }
    for (const region of regions) {
      const before = taken(region);
      const file = hosts.fileOf(region, 'secrets.yaml');
      const renew = ['certificates', 'renew', file, '--authority', authority];
      const renewed = await hosts.run(region, renew);
      assert.equal(renewed.code, 0, renewed.err);
      await eventually(() => taken(region) > before);
      await eventually(() => showsItsOwn(region));
    }
  } finally {
    stop.abort();
    await Promise.all(load);
  }
  assert.deepEqual(failed, []);
  assert.ok(served > 100, `only ${served} requests were made`);
});

/** Every part but Kafka, whose node takes the new certificate at its next start. */
async function showsItsOwn(region: string): Promise<boolean> {
  const { certificate } = hosts.secrets(region).own.certificates?.region ?? {};
  const { fingerprint256 } = new X509Certificate(certificate ?? '');
  const shown = await shownCertificates(hosts.region(region));
  return Object.values(shown).every((fingerprint) => fingerprint === fingerprint256);
}

function taken(region: string): number {
  return hosts.log(region, 'meridian').split('keys taken from the changed').length;
}

type Keys = Secrets['shared']['accessKeys'];

function change(region: string, replace: (set: Keys) => Keys): void {
  const file = hosts.fileOf(region, 'secrets.yaml');
  const secrets = parse(readFileSync(file, 'utf8')) as Secrets;
  const { accessKeys, positionKeys, peerKeys } = secrets.shared;
  const keys = {
    accessKeys: replace(accessKeys),
    positionKeys: replace(positionKeys),
    peerKeys: replace(peerKeys),
  };
  const shared = { ...secrets.shared, ...keys };
  writeFileSync(file, stringify({ ...secrets, shared }), { mode: 0o600 });
}

test('no secret is in an argument, a log, or what status and config show', async () => {
  const shown = await Promise.all(
    [
      ['status', '--json'],
      ['config', 'show'],
      ['certificates', 'show'],
    ].map((verb) => hosts.run('eu-west', verb)),
  );
  const texts = shown.flatMap(({ out, err }) => [out, err]);
  for (const region of regions) {
    const found = tracesOf(secretsOf(hosts.secrets(region)), hosts.dataFolder(region), texts);
    assert.deepEqual(found.problems, []);
    assert.ok(found.logs > 3 && found.processes > 4, JSON.stringify(found));
  }
});
