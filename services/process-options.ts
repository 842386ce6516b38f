/** What a Meridian process is told when it starts: flags first, then MERIDIAN_* variables. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { serviceNames, type ServiceName } from '../shared/config/cluster-schema.ts';
import { parseRegionId, type RegionId } from '../shared/core/region.ts';
import { MeridianError } from '../shared/errors/meridian-error.ts';

export interface ProcessOptions {
  readonly configPath: string;
  readonly secretsPath: string;
  readonly region: RegionId;
  readonly services: readonly ServiceName[];
  /** Name → address, over the `hosts` of the cluster file. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** Reads `--config --secrets --region --services --hosts-file`; throws ConfigInvalid. */
export function readProcessOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ProcessOptions {
  const text = { type: 'string' } as const;
  const options = { config: text, secrets: text, region: text, services: text, 'hosts-file': text };
  const { values } = parseArgs({ args: [...argv], options });
  const need = (flag: 'config' | 'secrets' | 'region'): string => {
    const value = values[flag] ?? environment[`MERIDIAN_${flag.toUpperCase()}`];
    if (value !== undefined && value !== '') return value;
    const hint = `Pass --${flag} or set MERIDIAN_${flag.toUpperCase()}.`;
    throw new MeridianError('ConfigInvalid', `The process was not told its ${flag}.`, { hint });
  };
  const region = parseRegionId(need('region'));
  if (region === null) throw new MeridianError('ConfigInvalid', 'That is no region id.');
  const hostsPath = values['hosts-file'] ?? environment['MERIDIAN_HOSTS_FILE'];
  return {
    configPath: need('config'),
    secretsPath: need('secrets'),
    region,
    services: servicesOf(values.services ?? environment['MERIDIAN_SERVICES'] ?? ''),
    hosts: hostsPath === undefined ? {} : readHosts(hostsPath),
  };
}

function servicesOf(text: string): readonly ServiceName[] {
  const words = text.split(',').filter((word) => word !== '');
  const unknown = words.find((word) => !serviceNames.some((name) => name === word));
  if (unknown !== undefined) {
    const hint = `The services are ${serviceNames.join(', ')}.`;
    throw new MeridianError('ConfigInvalid', `There is no service ${unknown}.`, { hint });
  }
  return words.length === 0 ? serviceNames : serviceNames.filter((name) => words.includes(name));
}

function readHosts(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch (error) {
    throw new MeridianError('ConfigInvalid', `${path} is no JSON map of hosts.`, {}, error);
  }
}
