/** Base backups that cannot be made, or could not be run, fail in plain words and nothing else. */
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { locatePrograms, postgresMajorVersion } from '../../../services/local/programs.ts';
import { startBaseBackup } from '../../../shared/pg/base-backup.ts';
import { startTestServer, testAddress, type TestServer } from '../../helpers/postgres.ts';

const majorVersion = postgresMajorVersion(locatePrograms().postgresHome);
const options = { label: 'test', kilobytesPerSecondMax: null, majorVersion };
let server: TestServer;

before(async () => {
  server = await startTestServer(testAddress(2));
});

after(async () => server.stop());

test('a connection that is reset fails the backup, not the process', async () => {
  const proxy = createServer((near) => {
    const far = connect({ host: server.address, port: server.port });
    for (const socket of [near, far]) socket.on('error', () => undefined);
    far.pipe(near);
    near.on('data', (bytes) => {
      if (bytes.includes('BASE_BACKUP')) near.resetAndDestroy();
      else far.write(bytes);
    });
    near.on('close', () => far.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, testAddress(3), resolve));
  const { address: host, port } = proxy.address() as AddressInfo;
  try {
    const source = { ...server.target('meridian_replicator'), host, port };
    const backup = await startBaseBackup(source, options);
    await assert.rejects(backup.finished, /ECONNRESET|ended/);
    await assert.rejects(backup.totalBytes, /ECONNRESET|ended/);
    // An error that nobody hears would have ended this process by now.
    assert.equal(backup.tar.destroyed, true);
  } finally {
    proxy.close();
  }
});

test('a server of another major version is not copied: nobody could run it', async () => {
  const source = server.target('meridian_replicator');
  const other = { ...options, majorVersion: majorVersion + 1 };
  const why = new RegExp(`runs PostgreSQL ${majorVersion}, the one here is ${majorVersion + 1}`);
  await assert.rejects(startBaseBackup(source, other), why);
});
