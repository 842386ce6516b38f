import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clientAddressOf,
  forwardedFor,
  type AddressSource,
} from '../../../../../services/gateway/core/client-address.ts';
import {
  createAddressList,
  normaliseAddress,
} from '../../../../../services/gateway/io/address-list.ts';

const trusted = createAddressList(['10.0.0.0/8', 'fd00::/8']);
const all: readonly AddressSource[] = ['x-forwarded-for', 'forwarded', 'cf-connecting-ip'];

interface Row {
  readonly name: string;
  readonly peer: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sources?: readonly AddressSource[];
  readonly address: string;
  readonly source: AddressSource | 'connection';
}

const rows: readonly Row[] = [
  {
    name: 'an untrusted connection is the client, whatever it says',
    peer: '203.0.113.9',
    headers: { 'x-forwarded-for': '198.51.100.1' },
    address: '203.0.113.9',
    source: 'connection',
  },
  {
    name: 'the last untrusted address of the chain',
    peer: '10.0.0.1',
    headers: { 'x-forwarded-for': '1.1.1.1, 203.0.113.9, 10.0.0.7' },
    address: '203.0.113.9',
    source: 'x-forwarded-for',
  },
  {
    name: 'a chain of trusted ones only: the outermost',
    peer: '10.0.0.1',
    headers: { 'x-forwarded-for': '10.0.0.9, 10.0.0.7' },
    address: '10.0.0.9',
    source: 'x-forwarded-for',
  },
  {
    name: 'nonsense ends the chain',
    peer: '10.0.0.1',
    headers: { 'x-forwarded-for': '203.0.113.9, nonsense, 10.0.0.7' },
    address: '10.0.0.7',
    source: 'x-forwarded-for',
  },
  {
    name: 'nothing but nonsense: the next source',
    peer: '10.0.0.1',
    headers: { 'x-forwarded-for': 'unknown', 'cf-connecting-ip': '203.0.113.7' },
    address: '203.0.113.7',
    source: 'cf-connecting-ip',
  },
  {
    name: 'a source that is not opted in says nothing',
    peer: '10.0.0.1',
    headers: { 'cf-connecting-ip': '203.0.113.7' },
    sources: ['x-forwarded-for'],
    address: '10.0.0.1',
    source: 'connection',
  },
  {
    name: 'ports, brackets and IPv4 inside IPv6',
    peer: '::ffff:10.0.0.1',
    headers: { 'x-forwarded-for': '[2001:DB8::1]:4711, 10.0.0.2:80' },
    address: '2001:db8::1',
    source: 'x-forwarded-for',
  },
  {
    name: 'Forwarded (RFC 7239) with quotes',
    peer: 'fd00::1',
    headers: { forwarded: 'for="[2001:db8::9]:47";proto=https, for=10.0.0.3;by=10.0.0.1' },
    address: '2001:db8::9',
    source: 'forwarded',
  },
];

for (const { name, peer, headers = {}, sources = all, address, source } of rows) {
  test(name, () => {
    const isTrusted = (text: string): boolean => trusted.has(text);
    const header = (key: string): string | undefined => headers[key];
    const found = clientAddressOf({
      peer,
      header,
      sources,
      isTrusted,
      normalise: normaliseAddress,
    });
    assert.equal(found.address, address);
    assert.equal(found.source, source);
  });
}

test('a comma or semicolon inside quotes separates nothing', () => {
  assert.deepEqual(forwardedFor('for="a,b;c";by=x, FOR = 192.0.2.1:80'), ['a,b;c', '192.0.2.1']);
  assert.deepEqual(forwardedFor('proto=https'), ['']);
});
