import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { whyNotFree } from '../../../../../services/local/process/address-check.ts';

const host = '127.91.0.7';

test('a free address is free; a taken one names its holder', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { port } = address;
  const why = await whyNotFree([{ host, port }]);
  assert.match(
    why ?? '',
    new RegExp(`^${host}:${String(port)} is in use by process ${String(process.pid)} `),
  );
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await whyNotFree([{ host, port }]), null);
});

test('an address of another machine is no address of this one', async () => {
  assert.equal(
    await whyNotFree([{ host: '192.0.2.1', port: 9999 }]),
    '192.0.2.1 is no address of this machine.',
  );
});

test('an address that is shared is free for those that share it, and for nobody else', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen({ host, port: 0, reusePort: true }, done));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { port } = address;
  assert.equal(await whyNotFree([{ host, port, reusePort: true }]), null);
  assert.match((await whyNotFree([{ host, port }])) ?? '', /is in use by process/);
  await new Promise((resolve) => server.close(resolve));
});
