import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  certificateUri,
  holderOf,
  isOperatorName,
  operatorOf,
  operatorUri,
} from '../../../../../shared/core/certificate/link-certificate.ts';

const clusterId = '6f1d7a52-8f0e-4c1b-9d51-2f8a4f1f7a10';

test('what is written into a certificate is read from it again', () => {
  for (const use of ['region', 'broker'] as const) {
    const uri = certificateUri({ clusterId, use, region: 'eu-west' });
    const names = `DNS:eu-west.example, URI:${uri}, IP Address:127.0.0.2`;
    assert.deepEqual(holderOf(names), { clusterId, use, region: 'eu-west' });
  }
});

for (const [name, names] of [
  ['no names', undefined],
  ['no URI', 'DNS:eu-west.example'],
  ['another use', `URI:meridian://${clusterId}/owner/eu-west`],
  ['a region that cannot be one', `URI:meridian://${clusterId}/region/-`],
  ['something behind it', `URI:meridian://${clusterId}/region/eu-west/more`],
  ['a host name that reads like one', `DNS:meridian://${clusterId}/region/eu-west`],
] as const) {
  test(`nobody: ${name}`, () => assert.equal(holderOf(names), null));
}

test('an operator is read from a certificate again, and is no region', () => {
  const holder = { clusterId, role: 'operator', name: 'alice.b-1' } as const;
  const names = `URI:${operatorUri(holder)}`;
  assert.deepEqual(operatorOf(names), holder);
  assert.equal(holderOf(names), null);
});

for (const [name, names] of [
  ['no names', undefined],
  ['a region', `URI:meridian://${clusterId}/region/eu-west`],
  ['another role', `URI:meridian://${clusterId}/operator/owner/alice`],
  ['no name', `URI:meridian://${clusterId}/operator/admin/`],
  ['something behind it', `URI:meridian://${clusterId}/operator/viewer/alice/admin`],
  ['a host name that reads like one', `DNS:meridian://${clusterId}/operator/admin/alice`],
] as const) {
  test(`no operator: ${name}`, () => assert.equal(operatorOf(names), null));
}

test('names that would mean something else in a subject or a URI are none', () => {
  const none = ['', 'Alice', 'a,OU=region', 'a/b', '-a', 'a b', 'a'.repeat(64)];
  assert.deepEqual(none.filter(isOperatorName), []);
  assert.ok(isOperatorName('a'.repeat(63)));
});
