import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProxyHeader } from '../../../../../../services/gateway/core/edge/proxy-protocol.ts';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const binary = (head: string, addresses: string): Buffer => {
  const body = Buffer.from(addresses, 'hex');
  const length = Buffer.from([body.length >> 8, body.length & 0xff]);
  return Buffer.concat([signature, Buffer.from(head, 'hex'), length, body]);
};
const ipv4 = 'c0000201' + 'c6336401' + '1f90' + '01bb';
const ipv6 = '20010db8000000000000000000000001'.repeat(2) + '1f90' + '01bb';

interface Row {
  readonly name: string;
  readonly bytes: Buffer;
  readonly want: object;
}

const rows: readonly Row[] = [
  {
    name: 'version 1, IPv4',
    bytes: text('PROXY TCP4 192.0.2.1 198.51.100.1 8080 443\r\nGET /'),
    want: { kind: 'proxied', address: '192.0.2.1', port: 8080, length: 44 },
  },
  {
    name: 'version 1, IPv6',
    bytes: text('PROXY TCP6 2001:DB8::1 2001:db8::2 8080 443\r\n'),
    want: { kind: 'proxied', address: '2001:db8::1', port: 8080, length: 45 },
  },
  {
    name: 'version 1, unknown',
    bytes: text('PROXY UNKNOWN x\r\n'),
    want: { kind: 'local', length: 17 },
  },
  { name: 'the beginning of a line', bytes: text('PROX'), want: { kind: 'incomplete' } },
  {
    name: 'a line without an end',
    bytes: text('PROXY TCP4 192.0.2.1'),
    want: { kind: 'incomplete' },
  },
  {
    name: 'version 2, IPv4',
    bytes: binary('2111', ipv4),
    want: { kind: 'proxied', address: '192.0.2.1', port: 8080, length: 28 },
  },
  {
    name: 'version 2, IPv6',
    bytes: binary('2121', ipv6),
    want: { kind: 'proxied', address: '2001:db8:0:0:0:0:0:1', port: 8080, length: 52 },
  },
  {
    name: 'version 2, with extensions behind the addresses',
    bytes: binary('2111', `${ipv4}0400020000`),
    want: { kind: 'proxied', address: '192.0.2.1', port: 8080, length: 33 },
  },
  { name: 'version 2, local', bytes: binary('2000', ''), want: { kind: 'local', length: 16 } },
  {
    name: 'version 2, not all of it',
    bytes: binary('2111', ipv4).subarray(0, 20),
    want: { kind: 'incomplete' },
  },
];

for (const { name, bytes, want } of rows) {
  test(name, () => assert.deepEqual(parseProxyHeader(bytes), want));
}

const refused: readonly [string, Buffer][] = [
  ['no header at all', text('GET / HTTP/1.1\r\n')],
  ['an address of another family', text('PROXY TCP4 ::1 ::2 1 2\r\n')],
  ['numbers beyond 255', text('PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n')],
  ['a port beyond 65535', text('PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n')],
  ['a line without an end that is too long', text(`PROXY ${'x'.repeat(200)}`)],
  ['version 3', binary('3111', ipv4)],
  ['an unknown command', binary('2211', ipv4)],
  ['a header that is too long', Buffer.concat([signature, Buffer.from('2111ffff', 'hex')])],
];

for (const [name, bytes] of refused) {
  test(`${name} is refused`, () => assert.equal(parseProxyHeader(bytes).kind, 'malformed'));
}

test('every prefix of a sound header is incomplete', () => {
  for (const whole of [binary('2111', ipv4), text('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')]) {
    for (let length = 1; length < whole.length; length += 1) {
      assert.equal(parseProxyHeader(whole.subarray(0, length)).kind, 'incomplete');
    }
  }
});
