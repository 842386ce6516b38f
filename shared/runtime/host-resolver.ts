/**
 * Makes host names of the cluster file resolve to the addresses that this process is given, for
 * every client of the process (`dns.lookup`), whatever the system's resolver knows.
 */
import dns from 'node:dns';

type Lookup = typeof dns.lookup;
type Callback = (error: NodeJS.ErrnoException | null, address?: unknown, family?: number) => void;

/** Installs the map name → IPv4 address; other names go to the system's resolver as before. */
export function installHostResolver(addresses: Readonly<Record<string, string>>): void {
  const original = dns.lookup;
  const known = new Map(Object.entries(addresses));
  const lookup = (hostname: string, ...rest: unknown[]): void => {
    const callback = rest.at(-1) as Callback;
    const options = typeof rest[0] === 'object' ? (rest[0] as { all?: boolean }) : {};
    const address = known.get(hostname);
    if (address === undefined) {
      (original as unknown as (...all: unknown[]) => void)(hostname, ...rest);
    } else if (options.all === true) {
      process.nextTick(callback, null, [{ address, family: 4 }]);
    } else {
      process.nextTick(callback, null, address, 4);
    }
  };
  dns.lookup = lookup as unknown as Lookup;
}
