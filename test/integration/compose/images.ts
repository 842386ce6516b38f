/**
 * What the images of the Compose file bring along: the project's own as its Dockerfile says, the
 * official ones as their documentation does, with this machine's programs in the places of theirs.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { locateParts } from '../../../infra/scripts/parts.mjs';
import type { ComposeService } from './load-compose.ts';

export interface Image {
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly workingFolder: string;
  /** Place in the container → file or folder here, read-only. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders that are volumes of the image itself, its user's. */
  readonly volumes?: readonly string[];
}

const repositoryFolder = resolve(import.meta.dirname, '../../..');
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The image of `service`; small files that stand for programs of official ones go to `folder`. */
export function imageOf(service: ComposeService, folder: string): Image {
  const target = service.build?.target;
  if (target !== undefined) return ownImage(target);
  const official = { environment: { PATH }, workingFolder: '/' };
  const parts = locateParts();
  if (service.image.startsWith('redis:')) {
    const server = parts.redisServerProgram;
    const files = {
      '/usr/local/bin/redis-server': server,
      '/usr/local/bin/redis-cli': join(dirname(server), 'redis-cli'),
    };
    return {
      ...official,
      entrypoint: ['redis-server'],
      user: '999:999',
      files,
      volumes: ['/data'],
    };
  }
  if (service.image.startsWith('apache/kafka:')) {
    return { ...official, entrypoint: [], user: '1000:1000', files: kafkaFiles(parts, folder) };
  }
  throw new Error(`the tests know no image ${service.image}`);
}

/** ENV, USER, WORKDIR and ENTRYPOINT of a stage; what it copies is the repository. */
function ownImage(target: string): Image {
  const text = readFileSync(join(repositoryFolder, 'infra/docker/Dockerfile'), 'utf8');
  const stages = text.replaceAll(/\\\n\s*/g, '').split(/^(?=FROM )/m);
  const stage = stages.find((part) => part.split('\n')[0]?.endsWith(` AS ${target}`));
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${target}`);
  const last = (word: string): string =>
    [...stage.matchAll(new RegExp(`^${word} (.*)$`, 'gm'))].at(-1)?.[1] ?? '';
  const pairs = [...stage.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) => (line ?? '').split(' '));
  const { nodeProgram, postgresHome } = locateParts();
  const copied = ['package.json', 'node_modules', 'infra', 'shared', 'services'];
  const isDatabase = stage.startsWith('FROM postgres:');
  return {
    entrypoint: JSON.parse(last('ENTRYPOINT')) as string[],
    environment: { PATH, ...Object.fromEntries(pairs.map((pair) => pair.split('='))) },
    user: last('USER'),
    workingFolder: last('WORKDIR'),
    files: {
      '/usr/local/bin/node': nodeProgram,
      ...(isDatabase ? { '/usr/lib/postgresql/18': postgresHome } : {}),
      ...Object.fromEntries(
        copied.map((name) => [`${last('WORKDIR')}/${name}`, join(repositoryFolder, name)]),
      ),
    },
  };
}

/** Kafka's start scripts, as far as infra/docker/kafka.sh uses them, and BusyBox's `nc -z`. */
function kafkaFiles(parts: ReturnType<typeof locateParts>, folder: string): Record<string, string> {
  const java = (program: string): string =>
    `#!/bin/sh\nexec ${parts.javaProgram} $KAFKA_HEAP_OPTS $KAFKA_OPTS ` +
    `-cp '/opt/kafka/libs/*' ${program} "$@"\n`;
  const scripts = {
    'kafka-storage.sh': java('kafka.tools.StorageTool'),
    'kafka-server-start.sh': java('kafka.Kafka'),
    nc: '#!/bin/bash\nexec 3<>"/dev/tcp/$2/$3"\n',
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
  return {
    '/opt/kafka/libs': parts.kafkaClasspathFolder,
    '/opt/kafka/bin/kafka-storage.sh': join(folder, 'kafka-storage.sh'),
    '/opt/kafka/bin/kafka-server-start.sh': join(folder, 'kafka-server-start.sh'),
    '/usr/local/bin/nc': join(folder, 'nc'),
  };
}
