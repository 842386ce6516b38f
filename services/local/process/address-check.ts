/** Says in words why an address cannot be listened on, and who holds it (proc(5), net/tcp). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Also free when processes of the same user that share their ports listen there. */
  readonly reusePort?: boolean;
}

const triesMax = 10;
const tryAgainMs = 100;

/** Null when every address is free, else one sentence on the first that is not. */
export async function whyNotFree(addresses: readonly ListenAddress[]): Promise<string | null> {
  for (const address of addresses) {
    const code = await tryListenAgain(address);
    if (code === null) continue;
    const place = `${address.host}:${String(address.port)}`;
    if (code === 'EADDRINUSE') {
      const holder = holderOf(address);
      const by =
        holder === null ? 'another process' : `process ${String(holder.pid)} (${holder.name})`;
      return `${place} is in use by ${by}.`;
    }
    if (code === 'EADDRNOTAVAIL') return `${address.host} is no address of this machine.`;
    return `${place} cannot be listened on (${code}).`;
  }
  return null;
}

/** A port of `host` that nobody listens on now. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0 }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

/** A process that is just ending holds its sockets a moment longer than its name. */
async function tryListenAgain(address: ListenAddress): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    const code = await tryListen(address);
    if (code !== 'EADDRINUSE' || tries >= triesMax || holderOf(address) !== null) return code;
    await sleep(tryAgainMs);
  }
}

function tryListen(address: ListenAddress): Promise<string | null> {
  const { host, port, reusePort = false } = address;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, reusePort, exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}

/** The process that listens there, as far as this user may see. */
export function holderOf(address: ListenAddress): { pid: number; name: string } | null {
  const inode = listenerInode(address);
  if (inode === null) return null;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || !holdsSocket(entry, inode)) continue;
    try {
      const name = readFileSync(`/proc/${entry}/comm`, 'utf8').trim();
      return { pid: Number(entry), name };
    } catch {
      return null;
    }
  }
  return null;
}

function listenerInode({ host, port }: ListenAddress): string | null {
  const listening = '0A';
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  const octets = host.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  const wanted = new Set([
    `${octets.reverse().join('').toUpperCase()}:${portHex}`,
    `00000000:${portHex}`,
  ]);
  try {
    for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (wanted.has(fields[1] ?? '') && fields[3] === listening) return fields[9] ?? null;
    }
  } catch {
    return null;
  }
  return null;
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
