import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { endJointly } from '../../../../../../services/gateway/io/http1/joint-end.ts';

const replies: ServerResponse[] = [];
const server = http.createServer((_, reply) => void replies.push(reply));
const agent = new http.Agent();

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  agent.destroy();
  server.close();
});

/** A request that the server has; `body` is what comes back. */
async function exchange() {
  const { port } = server.address() as AddressInfo;
  const came = once(server, 'request');
  const client = http.get({ port, host: '127.0.0.1', agent });
  const body = once(client, 'response').then(async ([reply]) => {
    let text = '';
    for await (const chunk of reply as http.IncomingMessage) text += String(chunk);
    return text;
  });
  body.catch(() => undefined);
  await came;
  return { client, body, reply: replies.pop() as ServerResponse };
}

test('replies end together, behind the turn that brought them', async () => {
  const all = [await exchange(), await exchange()];
  for (const [n, { reply }] of all.entries()) {
    reply.writeHead(200, { 'content-length': 5 });
    endJointly(reply, `body${String(n)}`);
  }
  assert.ok(all.every(({ reply }) => !reply.writableEnded));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(all.every(({ reply }) => reply.writableEnded));
  assert.deepEqual(await Promise.all(all.map(({ body }) => body)), ['body0', 'body1']);
});

test('one whose client has left in the meantime harms no other', async () => {
  const [gone, other] = [await exchange(), await exchange()];
  for (const { reply } of [gone, other]) reply.writeHead(200, { 'content-length': 2 });
  endJointly(gone.reply, 'no');
  endJointly(other.reply, 'ok');
  gone.reply.destroy();
  assert.equal(await other.body, 'ok');
  await assert.rejects(gone.body);
});
