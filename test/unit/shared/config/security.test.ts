import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../../services/cluster-config.ts';
import { newCluster, securedSections } from '../../../../services/local/cluster-files.ts';
import { newCertificates, newSecrets } from '../../../../services/local/new-secrets.ts';
import { checkSecurity, linkIdentityOf } from '../../../../shared/config/security.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';

const regions = ['eu-west', 'us-east'].map((id, index) => {
  const bind = `127.0.0.${index + 2}`;
  return { id, name: id, host: `${id}.meridian.internal`, bind, latitude: 0, longitude: 0 };
});
const cluster = clusterConfigSchema.parse({ ...newCluster(regions, 1), ...securedSections });
const { secrets, authority } = await newSecrets(cluster, true);
const other = await newSecrets(cluster, true);
const own = secretsOf('eu-west');

function secretsOf(id: string, from = secrets): Secrets {
  const found = from.get(id);
  assert.ok(found !== undefined);
  return found;
}

function withCertificates(certificates: Secrets['own']['certificates']): Secrets {
  return { ...own, own: { ...own.own, certificates } };
}

test('what init writes may start, and names whose certificate answers where', () => {
  checkSecurity(cluster, own);
  const identity = linkIdentityOf(cluster, own);
  assert.equal(identity?.region, 'eu-west');
  assert.equal(identity.regionsByHost.get('us-east.meridian.internal'), 'us-east');
  assert.equal(identity.regionsByHost.get('127.0.0.3'), 'us-east');
});

test('plain links stay on the machine', () => {
  const plain = { ...cluster, security: { mode: 'plain' as const } };
  checkSecurity(plain, own);
  const [first, ...rest] = cluster.regions;
  assert.ok(first !== undefined);
  const beyond = { ...plain, regions: [{ ...first, bind: '10.0.0.1' }, ...rest] };
  assert.throws(() => checkSecurity(beyond, own), {
    code: 'ConfigInvalid',
    message: /eu-west binds 10\.0\.0\.1: mode plain binds loopback/,
  });
});

test('an external Redis has its password in the secrets file', () => {
  const [first, ...rest] = cluster.regions;
  assert.ok(first !== undefined);
  const redis = { port: 6379, external: { host: 'redis.example', tls: true } };
  const changed = { ...cluster, regions: [{ ...first, redis }, ...rest] };
  assert.throws(() => checkSecurity(changed, own), {
    code: 'ConfigInvalid',
    message: /eu-west hold no password of its external Redis/,
  });
  const external = { redisPassword: 'x' };
  checkSecurity(changed, { ...own, own: { ...own.own, external } });
});

test('an external Kafka has its password in the secrets file, and TLS beyond this machine', () => {
  const external = { user: 'shop', mechanism: 'PLAIN', tls: true } as const;
  const changed = { ...cluster, kafka: { ...cluster.kafka, external } };
  assert.throws(() => checkSecurity(changed, own), {
    message: /eu-west hold no password of the external Kafka/,
  });
  const given = { ...own, own: { ...own.own, external: { kafkaPassword: 'x' } } };
  checkSecurity(changed, given);
  const plain = { ...cluster.kafka, external: { ...external, tls: false } };
  checkSecurity({ ...cluster, kafka: plain }, given);
  const hosts = { ...cluster.hosts, 'us-east.meridian.internal': '10.0.0.3' };
  assert.throws(() => checkSecurity({ ...cluster, hosts, kafka: plain }, given), {
    message: /kafka\.external\.tls is false, and us-east\.meridian\.internal is far/,
  });
});

const future = new Date(Date.now() + 400 * 24 * 3600 * 1000);
assert.ok(authority !== null);
const swapped = secretsOf('us-east').own.certificates;
const foreign = secretsOf('eu-west', other.secrets).own.certificates;
for (const [name, given, why, now] of [
  ['none', withCertificates(undefined), /hold no certificates/, undefined],
  ['expired ones', own, /expired on/, future],
  ["another region's", withCertificates(swapped), /is of us-east/, undefined],
  ["another authority's", withCertificates(foreign), /not signed by/, undefined],
] as const) {
  test(`no start in mode tls with certificates: ${name}`, () => {
    assert.throws(() => checkSecurity(cluster, given, now), {
      code: 'ConfigInvalid',
      message: why,
    });
  });
}

test('a certificate made for the Kafka node is none of a process', async () => {
  const made = await newCertificates(cluster, 'eu-west', { authority });
  const mixed = withCertificates({ region: made.broker, broker: made.broker });
  assert.throws(() => checkSecurity(cluster, mixed), { message: /made for the broker/ });
});
