/** Looks for the secrets of a region wherever none may be: arguments, logs, what verbs print. */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';

/** Every secret value by its name; of a private key a line of its middle. */
export function secretsOf({ shared, own }: Secrets): ReadonlyMap<string, string> {
  const { accessKeys, positionKeys, peerKeys, postgres } = shared;
  const sets = { accessKeys, positionKeys, peerKeys };
  const keys = Object.entries(sets).flatMap(([set, { keys: values }]) =>
    Object.entries(values).map(([id, value]) => [`${set}.${id}`, value] as const),
  );
  const certificates = Object.entries(own.certificates ?? {}).map(
    ([use, { key }]) => [`key of the ${use}`, key.split('\n')[1] ?? ''] as const,
  );
  return new Map([
    ...keys,
    ...certificates,
    ...Object.entries(postgres),
    ['redis', own.redisPassword],
    ['agent', own.agentToken],
  ]);
}

export interface Traces {
  readonly problems: readonly string[];
  readonly logs: number;
  readonly processes: number;
}

/** Of the processes whose arguments name `dataFolder`, and of the logs below it. */
export function tracesOf(
  secrets: ReadonlyMap<string, string>,
  dataFolder: string,
  shown: readonly string[],
): Traces {
  const logs = globSync('regions/*/logs/*', { cwd: dataFolder });
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [`arguments of ${pid}`, contentOf(`/proc/${pid}/cmdline`)] as const)
    .filter(([, text]) => text.includes(dataFolder));
  const places = [
    ...logs.map((log) => [log, contentOf(join(dataFolder, log))] as const),
    ...commands,
    ...shown.map((text, index) => [`output ${String(index)}`, text] as const),
  ];
  const problems = places.flatMap(([place, text]) =>
    [...secrets]
      .filter(([, secret]) => secret !== '' && text.includes(secret))
      .map(([name]) => `${name} is in ${place}`),
  );
  return { problems, logs: logs.length, processes: commands.length };
}

/** Empty when a process has ended meanwhile. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
