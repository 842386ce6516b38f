/** A set of addresses and CIDR blocks to look addresses up in. */
import { BlockList, isIP } from 'node:net';

export interface AddressList {
  has(address: string): boolean;
}

const rememberedMax = 10_000;

/** Entries are addresses or CIDR blocks, IPv4 and IPv6; they were checked by the configuration. */
export function createAddressList(entries: readonly string[]): AddressList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  if (entries.length === 0) return { has: () => false };
  const known = new Map<string, boolean>();
  return {
    has(address) {
      let isIn = known.get(address);
      if (isIn !== undefined) return isIn;
      const family = isIP(address);
      isIn = family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
      if (known.size >= rememberedMax) known.clear();
      known.set(address, isIn);
      return isIn;
    },
  };
}

/** `address` in one form: IPv4 in IPv6 unwrapped, zone dropped; null when it is no address. */
export function normaliseAddress(address: string): string | null {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  const text = plain.includes('%') ? plain.slice(0, plain.indexOf('%')) : plain;
  return isIP(text) === 0 ? null : text.toLowerCase();
}

/** Who counts as one client: an IPv4 address, or the /64 network of an IPv6 one. */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = Math.max(0, 8 - front.length - back.length);
  const all = address.includes('::')
    ? [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
    : front;
  return `${all.slice(0, 4).join(':')}::/64`;
}
