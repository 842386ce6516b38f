/** Which addresses are this machine's own: what is sent there leaves it by no wire. */
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../config/external-parts.ts';

/** A loopback address, an address of one of its interfaces, or a folder of Unix sockets. */
export function isOnThisMachine(host: string): boolean {
  if (host.startsWith('/') || isLoopback(host)) return true;
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ address }) => address === host);
}
