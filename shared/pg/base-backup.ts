/**
 * A physical base backup over the replication protocol (manual, section 54.4, BASE_BACKUP): the
 * tar stream of the data folder, its WAL included, as chunks under back-pressure.
 */
import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';
import pg from 'pg';
import { connectionRefusalOf, pgConfigOf, type PgTarget } from './client.ts';

export interface BaseBackup {
  /** The tar archive of the data folder; fails when the backup does. */
  readonly tar: Readable;
  /** Resolves once the server knows the size; an estimate without the WAL. */
  readonly totalBytes: Promise<number>;
  /** Resolves when the server has said that the backup is complete; rejects when it failed. */
  readonly finished: Promise<void>;
  /** Gives up: closes the connection. */
  abort(): void;
}

interface ReplicationConnection extends EventEmitter {
  readonly stream: { pause(): void; resume(): void; destroy(): void };
  query(text: string): void;
}

const listenersOfClient = [
  'rowDescription',
  'dataRow',
  'commandComplete',
  'readyForQuery',
  'errorMessage',
  'copyInResponse',
  'copyOutResponse',
  'copyData',
];

export interface BackupOptions {
  readonly label: string;
  /** Null: as fast as it goes. PostgreSQL takes 32 to 1,048,576. */
  readonly kilobytesPerSecondMax: number | null;
  /** Of the server that will run the copy: one of another version does not start. */
  readonly majorVersion: number;
}

/**
 * Begins a base backup at `source`, whose user must have REPLICATION. Throws when refused, and when
 * the copy could not be run.
 */
export async function startBaseBackup(
  source: PgTarget,
  { label, kilobytesPerSecondMax, majorVersion }: BackupOptions,
): Promise<BaseBackup> {
  const client = new pg.Client({
    ...pgConfigOf(source),
    replication: 'database',
  } as pg.ClientConfig);
  client.on('error', () => undefined);
  await client.connect().catch((error: unknown) => {
    throw connectionRefusalOf(source, error);
  });
  const { rows } = await client.query<Record<string, string>>('SHOW server_version_num');
  const found = Math.floor(Number(rows[0]?.['server_version_num']) / 10_000);
  if (found !== majorVersion) {
    await client.end();
    const own = `the one here is ${String(majorVersion)}`;
    throw new Error(`it runs PostgreSQL ${String(found)}, ${own}: every region needs the same`);
  }
  const { connection } = client as unknown as { connection: ReplicationConnection };
  for (const name of listenersOfClient) connection.removeAllListeners(name);
  const tar = new PassThrough({ highWaterMark: 4 * 1024 * 1024 });
  // The promises tell a failure, also one before anybody reads: unheard it would end the process.
  tar.on('error', () => undefined);
  const size = Promise.withResolvers<number>();
  const end = Promise.withResolvers<void>();
  void size.promise.catch(() => undefined);
  void end.promise.catch(() => undefined);
  const fail = (error: Error): void => {
    size.reject(error);
    end.reject(error);
    tar.destroy(error);
    connection.stream.destroy();
  };
  receive(connection, tar, { size, end, fail });
  const options = ['PROGRESS true', "CHECKPOINT 'fast'", 'WAL true', "MANIFEST 'no'"];
  if (kilobytesPerSecondMax !== null) options.push(`MAX_RATE ${String(kilobytesPerSecondMax)}`);
  connection.query(`BASE_BACKUP (LABEL '${label}', ${options.join(', ')})`);
  return {
    tar,
    totalBytes: size.promise,
    finished: end.promise,
    abort: () => fail(new Error('the base backup was given up')),
  };
}

interface Outcome {
  readonly size: PromiseWithResolvers<number>;
  readonly end: PromiseWithResolvers<void>;
  readonly fail: (error: Error) => void;
}

function receive(connection: ReplicationConnection, tar: PassThrough, outcome: Outcome): void {
  let archives = 0;
  let resultSets = 0;
  let totalBytes = 0;
  tar.on('drain', () => connection.stream.resume());
  connection.on('rowDescription', () => (resultSets += 1));
  connection.on('dataRow', ({ fields }: { fields: (string | null)[] }) => {
    // The second result set lists the tablespaces; sizes are in kilobytes.
    if (resultSets === 2) totalBytes += Number(fields[2] ?? 0) * 1024;
  });
  connection.on('copyOutResponse', () => outcome.size.resolve(totalBytes));
  connection.on('copyData', ({ chunk }: { chunk: Buffer }) => {
    const kind = String.fromCharCode(chunk[0] ?? 0);
    if (kind === 'n') {
      archives += 1;
      if (archives > 1) outcome.fail(new Error('tablespaces cannot be copied to another region'));
    } else if (kind === 'd' && !tar.write(Buffer.from(chunk.subarray(1)))) {
      // A copy: the driver writes the next message into the memory of this one.
      connection.stream.pause();
    }
  });
  connection.on('errorMessage', (error: Error) => outcome.fail(error));
  connection.on('error', (error: Error) => outcome.fail(error));
  connection.on('end', () => outcome.fail(new Error('the connection ended during the backup')));
  connection.on('readyForQuery', () => {
    connection.removeAllListeners('end');
    outcome.end.resolve();
    tar.end();
    connection.stream.destroy();
  });
}
