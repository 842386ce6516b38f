/** A Redis that somebody else runs: TLS by an authority of its own, one ACL user, nothing else. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRedisServer } from '../../../infra/scripts/parts.mjs';
import { connectRedis, type RedisClient } from '../../../shared/redis/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeForeignCertificates } from './foreign-certificates.ts';

const user = 'shop';
const password = 'chosen';
const commands = '+ping +info +set +getex +hset +hmget +hgetall +hdel +pexpire +time +eval';

export interface ExternalRedis {
  /** The section `redis` of a region in the cluster file. */
  readonly section: object;
  /** The section `own.external` of its secrets. */
  readonly secrets: { readonly redisPassword: string };
  /** As the one who runs it. */
  readonly client: RedisClient;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Started and answering at `host`; its files are in `folder`. */
export async function startExternalRedis(
  { host, port }: { readonly host: string; readonly port: number },
  folder: string,
): Promise<ExternalRedis> {
  const binary = findRedisServer();
  if (binary === undefined) throw new Error('redis-server is not installed');
  const authority = await writeCertificates(host, folder);
  const settings = [
    ...['port 0', `tls-port ${String(port)}`, `bind ${host}`, 'tls-auth-clients no'],
    ...[`tls-cert-file ${join(folder, 'cert.pem')}`, `tls-key-file ${join(folder, 'key.pem')}`],
    ...[`tls-ca-cert-file ${join(folder, 'ca.pem')}`, 'save ""', `dir ${folder}`],
    `user default on >${password}-admin ~* &* +@all`,
    `user ${user} on >${password} ~meridian:* &* -@all ${commands}`,
  ];
  const settingsFile = join(folder, 'redis.conf');
  writeFileSync(settingsFile, `${settings.join('\n')}\n`);
  const tls = { ca: authority };
  const external = { username: undefined, tls, keyPrefix: '' };
  const client = connectRedis({ host, port, password: `${password}-admin`, external });
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = spawn(binary, [settingsFile], { stdio: 'ignore' });
    await eventually(() => client.ping().catch(() => null));
  };
  await start();
  return {
    section: { port, external: { host, user, authority } },
    secrets: { redisPassword: password },
    client,
    start,
    async stop() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Resolves with the authority's certificate. */
async function writeCertificates(host: string, folder: string): Promise<string> {
  const { authority, certificate, key } = await makeForeignCertificates([host]);
  const files = { 'ca.pem': authority, 'cert.pem': certificate, 'key.pem': key };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  return authority;
}
