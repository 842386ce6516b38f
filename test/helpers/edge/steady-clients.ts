/** Clients that ask on and on without retries, for restarts that nobody is to notice. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';

export interface SteadyClients {
  /** Why requests failed; replies other than 200 are among them. */
  readonly failures: string[];
  replies: number;
  stop(): Promise<void>;
}

/** One request after the other at `url`: half over kept connections, half with a new one each. */
export function startSteadyClients(url: string): SteadyClients {
  const clients: SteadyClients = { failures: [], replies: 0, stop: () => Promise.resolve() };
  let isOver = false;
  const one = async (agent: http.Agent | false): Promise<void> => {
    const client = http.get(url, { agent });
    const [reply] = (await once(client, 'response')) as [IncomingMessage];
    const text = Buffer.concat((await reply.toArray()) as Buffer[]).toString();
    if (reply.statusCode !== 200) throw new Error(`${String(reply.statusCode)} ${text}`);
    clients.replies += 1;
  };
  const loop = async (agent: http.Agent | false): Promise<void> => {
    while (!isOver) {
      await one(agent).catch((error: unknown) => clients.failures.push(String(error)));
    }
  };
  const agents = Array.from({ length: 8 }, () => new http.Agent({ keepAlive: true }));
  const loops = [...agents.map(loop), ...agents.map(() => loop(false))];
  clients.stop = async () => {
    isOver = true;
    await Promise.all(loops);
    for (const agent of agents) agent.destroy();
  };
  return clients;
}

/** Whether the kernel hands connections that wait for a closing process to its successor. */
const migration = '/proc/sys/net/ipv4/tcp_migrate_req';

export interface Migration {
  readonly isOn: boolean;
  restore(): Promise<void>;
}

/** Switches that on where this user may. */
export async function migrateConnections(): Promise<Migration> {
  const before = await readFile(migration, 'utf8').catch(() => null);
  const isOn = await writeFile(migration, '1').then(
    () => true,
    () => before?.trim() === '1',
  );
  return {
    isOn,
    async restore() {
      if (before !== null) await writeFile(migration, before).catch(() => undefined);
    },
  };
}
