import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianClient, type FetchReply } from '../../../../services/client/client.ts';

const token = (position: string): string =>
  `${Buffer.from(`1.main.${position}.e.cluster`).toString('base64url')}.k1.signature`;

function reply(status: number, body: object, position: string): FetchReply {
  const headers = new Map([['meridian-position', token(position)]]);
  return {
    status,
    headers: { get: (name) => headers.get(name) ?? null },
    text: () => Promise.resolve(JSON.stringify(body)),
  };
}

test('a session whose write is lost goes on from what is left of it', async () => {
  const replies = [
    reply(200, { rows: [] }, '1:0/20'),
    reply(410, { code: 'WriteLost', status: 410, retry: 'never' }, '1:0/10'),
    reply(200, { rows: [] }, '2:0/30'),
  ];
  const sent: (string | undefined)[] = [];
  const client = new MeridianClient({
    urls: ['http://127.0.0.1:1'],
    token: 't',
    fetch: (_, { headers }) => {
      sent.push(headers['meridian-position']);
      const next = replies.shift();
      return next === undefined ? Promise.reject(new Error('no more')) : Promise.resolve(next);
    },
  });
  await client.query('SELECT 1');
  await assert.rejects(client.query('SELECT 1'), { code: 'WriteLost' });
  await client.query('SELECT 1');
  assert.deepEqual(sent, [undefined, token('1:0/20'), token('1:0/10')]);
  assert.equal(client.position, token('2:0/30'));
});

test('a write that may be done is not called failed because its repetition was', async () => {
  const replies = [
    reply(504, { code: 'CommitOutcomeUnknown', status: 504, retry: 'same' }, '1:0/10'),
    reply(504, { code: 'DeadlineExceeded', status: 504, retry: 'never' }, '1:0/10'),
  ];
  const client = new MeridianClient({
    urls: ['http://127.0.0.1:1'],
    token: 't',
    fetch: () => Promise.resolve(replies.shift() ?? assert.fail('no more')),
  });
  const write = client.query('INSERT', [], { idempotencyKey: true });
  await assert.rejects(write, (error: Error) => {
    assert.equal((error as { code?: string }).code, 'CommitOutcomeUnknown');
    assert.equal((error.cause as { code?: string }).code, 'DeadlineExceeded');
    return true;
  });
});
