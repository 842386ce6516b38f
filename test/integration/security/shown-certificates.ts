/** Which certificates the parts of a region show to a new connection. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';

/** PostgreSQL's SSLRequest: its length and its code. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** SHA-256 fingerprints by part: Meridian's listeners, the agent, Redis, each PostgreSQL node. */
export async function shownCertificates(region: RegionConfig): Promise<Record<string, string>> {
  const { bind, listeners, agentPort, redis, nodes } = region;
  const ports = { ...listeners, agent: agentPort, redis: redis.port };
  const shown: Record<string, string> = {};
  for (const [part, port] of Object.entries(ports)) {
    shown[part] = await fingerprintAt(connectPlain({ host: bind, port }));
  }
  for (const { id, port } of nodes) {
    const socket = connectPlain({ host: bind, port });
    socket.write(sslRequest);
    await once(socket, 'data');
    shown[id] = await fingerprintAt(socket);
  }
  return shown;
}

async function fingerprintAt(plain: Socket): Promise<string> {
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
