import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connectionOptions,
  isTrailer,
  replyHeaders,
  requestHeaders,
} from '../../../../../services/gateway/core/header-rules.ts';

function kept(raw: readonly string[], connection?: string, isHostKept = true): string {
  return requestHeaders(raw, connection, isHostKept).join('|');
}

const rows: readonly { name: string; raw: string[]; connection?: string; want: string }[] = [
  { name: 'ordinary headers pass, repeated ones too', raw: ['A', '1', 'a', '2'], want: 'a|1|a|2' },
  {
    name: 'hop-by-hop headers stay',
    raw: ['Transfer-Encoding', 'chunked', 'TE', 'trailers', 'Keep-Alive', '1', 'Upgrade', 'x'],
    want: '',
  },
  {
    name: 'so do those that Connection names',
    raw: ['Connection', 'close, X-Secret', 'X-Secret', '1', 'X-Other', '2'],
    connection: 'close, X-Secret',
    want: 'x-other|2',
  },
  {
    name: 'of Meridian’s own only the allowed ones',
    raw: ['meridian-position', 'p', 'meridian-hop', 'h', 'Meridian-Region', 'r'],
    want: 'meridian-position|p',
  },
  {
    name: 'forwarding headers are written anew',
    raw: ['X-Forwarded-For', '1.2.3.4', 'Forwarded', 'for=x', 'X-Real-IP', '1'],
    want: '',
  },
  {
    name: 'HTTP/2: the authority is the host, cookies are put together',
    raw: [
      ...[':method', 'GET', ':authority', 'a.test', ':path', '/', 'host', 'b.test'],
      ...['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2'],
    ],
    want: 'cookie|a=1; b=2|x|y|host|a.test',
  },
  {
    name: 'underscores disguise nothing',
    raw: ['X_Forwarded_For', '1', 'meridian_hop', '2', 'Content_Length', '3', 'my_header', '4'],
    want: 'my_header|4',
  },
];

for (const { name, raw, connection, want } of rows) {
  test(name, () => assert.equal(kept(raw, connection), want));
}

test('the host is kept or left to the upstream', () => {
  assert.equal(kept(['Host', 'a'], undefined, true), 'host|a');
  assert.equal(kept(['Host', 'a'], undefined, false), '');
});

test('replies: cookies stay apart, the gateway’s own headers come from gateways only', () => {
  const headers = {
    'set-cookie': ['a=1', 'b=2'],
    'meridian-region': 'x',
    'meridian-position': 'p',
    connection: 'x-hop',
    'x-hop': '1',
  };
  assert.deepEqual(replyHeaders(headers, false), [
    ...['set-cookie', 'a=1', 'set-cookie', 'b=2'],
    ...['meridian-position', 'p'],
  ]);
  assert.ok(replyHeaders(headers, true).includes('meridian-region'));
});

test('the usual values of Connection name nothing', () => {
  assert.equal(connectionOptions(undefined), null);
  assert.equal(connectionOptions('keep-alive'), null);
  assert.deepEqual([...(connectionOptions('Close, X-A') ?? [])], ['close', 'x-a']);
});

test('trailers: what frames, types or guards a reply belongs in its head', () => {
  const names = ['x-sum', 'content-length', 'te', 'set-cookie', 'meridian-region', 'grpc-status'];
  assert.deepEqual(names.filter(isTrailer), ['x-sum', 'grpc-status']);
});
