import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { before, test } from 'node:test';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import {
  checkWay,
  foreignRefusalOf,
  foreignTls,
  whyUnfit,
  type ForeignTls,
} from '../../../../shared/pg/foreign-server.ts';
import {
  makeForeignCertificates,
  type ForeignCertificates,
} from '../../../integration/deploy/foreign-certificates.ts';

let made: ForeignCertificates;
let tls: ForeignTls;

before(async () => {
  made = await makeForeignCertificates(['10.0.0.1']);
  tls = { isNameChecked: true, authority: made.authority, own: null };
});

test('plain text stays on this machine', () => {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const host of ['127.0.0.1', '127.9.8.7', 'localhost', '::1', '/run/postgresql']) {
    checkWay(host, 'plain');
  }
  for (const { address } of own) checkWay(address, 'plain');
  for (const host of ['192.0.2.1', 'db.example', '127.example', '127.0.0.1.example', '']) {
    assert.throws(() => checkWay(host, 'plain'), { code: 'ConfigInvalid' }, host);
    checkWay(host, tls);
  }
});

test('what the driver is given: the one authority, the name unless only that is checked', () => {
  assert.equal(foreignTls('127.0.0.1', 'plain'), null);
  assert.throws(() => foreignTls('192.0.2.1', 'plain'), { code: 'ConfigInvalid' });
  const full = foreignTls('192.0.2.1', tls);
  assert.equal(full?.ca, made.authority);
  assert.equal(full.checkServerIdentity, undefined, "Node's own check");
  assert.notEqual(full.rejectUnauthorized, false);
  const own = { certificate: made.certificate, key: made.key };
  const shown = foreignTls('192.0.2.1', { ...tls, isNameChecked: false, own });
  assert.deepEqual([shown?.cert, shown?.key], [made.certificate, made.key]);
  assert.notEqual(shown?.rejectUnauthorized, false);
  assert.notEqual(shown?.checkServerIdentity, undefined);
});

test('texts that are no credentials are named', async () => {
  const other = await makeForeignCertificates(['10.0.0.2']);
  const own = { certificate: made.certificate, key: made.key };
  assert.equal(whyUnfit({ ...tls, own }), null);
  assert.match(whyUnfit({ ...tls, authority: 'x' }) ?? '', /authority is no certificate/);
  const strange = { ...own, key: other.key };
  assert.match(whyUnfit({ ...tls, own: strange }) ?? '', /do not fit/);
});

test('a refusal says what to do; another error stays what it is', () => {
  const rows = [
    [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, /sslrootcert/],
    [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, /Name a host/],
    [{ code: 'CERT_HAS_EXPIRED' }, /Renew/],
    [{ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, /sslcert/],
    [{ message: 'The server does not support SSL connections' }, /ssl = on/],
  ] as const;
  for (const [fact, hint] of rows) {
    const error = foreignRefusalOf('db:5432', Object.assign(new Error('no'), fact));
    assert.ok(error instanceof MeridianError);
    assert.equal(error.code, 'Unauthenticated');
    assert.match(error.details.hint ?? '', hint);
    assert.match(error.message, /db:5432/);
  }
  const other = new Error('connect ECONNREFUSED');
  assert.equal(foreignRefusalOf('db:5432', other), other);
});
