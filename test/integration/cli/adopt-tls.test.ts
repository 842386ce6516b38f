/** `meridian adopt` of a server that is reached by TLS: who is believed, and who is let in. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { postgresUser } from '../../../services/local/programs.ts';
import type { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startTestServer, testAddress, type TestServer } from '../../helpers/postgres.ts';
import { makeForeignCertificates } from '../deploy/foreign-certificates.ts';
import { runCli, type CliResult } from './cli-run.ts';

/** In the certificate, and not in it. */
const [named, unnamed] = [testAddress(4), testAddress(5)];
const folder = mkdtempSync(join(tmpdir(), 'meridian-adopt-tls-'));
const fileOf = (name: string): string => join(folder, name);
const owner = 'host app,postgres meridian_owner all trust';
let server: TestServer;

function write(name: string, text: string): void {
  writeFileSync(fileOf(name), text, { mode: 0o600 });
  const user = postgresUser();
  if (user !== null) chownSync(fileOf(name), user.uid, user.gid);
}

before(async () => {
  chmodSync(folder, 0o755);
  const { authority, certificate, key } = await makeForeignCertificates([named]);
  write('authority.pem', authority);
  write('server.pem', certificate);
  write('server-key.pem', key);
  write('strange.pem', (await makeForeignCertificates([named])).authority);
  write('hba.conf', `${owner}\n`);
  server = await startTestServer(named, {
    listen_addresses: `'${named},${unnamed}'`,
    hba_file: `'${fileOf('hba.conf')}'`,
    ssl: 'on',
    ssl_ca_file: `'${fileOf('authority.pem')}'`,
    ssl_cert_file: `'${fileOf('server.pem')}'`,
    ssl_key_file: `'${fileOf('server-key.pem')}'`,
  });
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const secured = (authority = 'authority.pem', mode = 'verify-full'): string =>
  `?sslmode=${mode}&sslrootcert=${fileOf(authority)}`;

function adopt(query = secured(), host = named): Promise<CliResult> {
  const url = `postgresql://meridian_owner@${host}:${server.port}/app${query}`;
  return runCli(['adopt', url], {});
}

/** As the fix of the preflight says. */
async function admit(rule: string): Promise<void> {
  write('hba.conf', `${owner}\n${rule}\n`);
  await server.query('SELECT pg_reload_conf()');
  const rules = 'SELECT count(*) AS count FROM pg_hba_file_rules';
  await eventually(async () => (await server.query(rules))[0]?.['count'] === '2');
}

test('the line that pg_hba.conf lacks is named, and with it nothing is in the way', async () => {
  const before = await adopt();
  assert.equal(before.code, 3, before.err);
  const rule = /"(hostssl app,replication meridian_replicator 127\S+ scram-sha-256)"/.exec(
    before.out,
  );
  assert.ok(rule?.[1] !== undefined, before.out);
  await admit(rule[1]);
  const { code, out } = await adopt();
  assert.equal(code, 0, out);
  assert.match(out, /^pg_hba\.conf +ok +admits what the copy needs/m);
});

test('a certificate of this side is shown where it is asked for', async () => {
  const from = '127.0.0.0/8 scram-sha-256 clientcert=verify-ca';
  await admit(`hostssl app,replication meridian_replicator ${from}`);
  const own = `&sslcert=${fileOf('server.pem')}&sslkey=${fileOf('server-key.pem')}`;
  const { code, out } = await adopt(`${secured()}${own}`);
  assert.equal(code, 0, out);
});

test('an authority that has not signed its certificate: refused', async () => {
  const { code, err } = await adopt(secured('strange.pem'));
  assert.equal(code, 1);
  assert.match(err, /Unauthenticated: The server at \S+ is not believed: .*\n {2}sslrootcert/);
});

test('a host that its certificate does not name: refused, except by verify-ca', async () => {
  const authority = readFileSync(fileOf('authority.pem'), 'utf8');
  const login = (host: string, isNameChecked: boolean): Promise<void> =>
    withPg(
      { ...server.target(), host, foreign: { isNameChecked, authority, own: null } },
      async (client) => void (await client.query('SELECT 1')),
    );
  await login(named, true);
  await login(unnamed, false);
  await assert.rejects(login(unnamed, true), ({ code, message, details }: MeridianError) => {
    assert.equal(code, 'Unauthenticated');
    assert.match(message, new RegExp(`${unnamed}:5432 is not believed: .*does not match`));
    assert.match(details.hint ?? '', /^Name a host/);
    return true;
  });
});

test('plain text to another machine: refused before anything is sent', async () => {
  const { code, err } = await adopt('?sslmode=disable', '192.0.2.1');
  assert.equal(code, 1);
  assert.match(err, /ConfigInvalid: 192\.0\.2\.1 is another machine.*\n {2}Add to the URL: \?ssl/);
});
