/**
 * Where a group's instances come from: its list in the cluster file, the addresses behind names in
 * that list, and the registry. What cannot be asked now keeps its last answer.
 */
import dns from 'node:dns';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { keepRegistered } from '../core/registered-instances.ts';
import { createAddressList } from './address-list.ts';
import type { InstanceRegistry, RegisteredInstance } from './instance-registry.ts';
import { neverByName } from './upstream-client.ts';
import type { UpstreamGroup } from './upstream-group.ts';
import type { InstanceTarget } from './upstream-instance.ts';

export interface TargetSourceOptions {
  readonly group: UpstreamGroup;
  /** From the cluster file, names filled in. */
  readonly listed: readonly InstanceTarget[];
  readonly registry: InstanceRegistry | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const registryMs = 1000;

export interface TargetSource {
  stop(): void;
}

/** Gives the group its targets now, and anew whenever a source says something else. */
export function followTargets(options: TargetSourceOptions): TargetSource {
  const { group, listed, registry, logger, clock } = options;
  const stop = new AbortController();
  let resolved = listed;
  let registered: readonly RegisteredInstance[] = [];
  let shown = '';
  const publish = (): void => {
    const usable = registered.flatMap(({ target }) => (target === null ? [] : [target]));
    const all = [...resolved, ...usable];
    const text = JSON.stringify(all);
    if (text === shown) return;
    shown = text;
    group.setTargets(all);
  };
  const repeat = async (ms: number, work: () => Promise<void>): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await work();
        publish();
      } catch (error) {
        logger.debug({ group: group.name, why: messageOf(error) }, 'targets are kept');
      }
      await sleep(ms, stop.signal);
    }
  };
  publish();
  if (registry !== null && group.config.registry.enabled) {
    const networks = createAddressList(group.config.registry.networks);
    let askedMs: number | null = null;
    void repeat(registryMs, async () => {
      // While nobody can renew, no lease runs: after a failure none of the time counts.
      const beforeMs = askedMs;
      askedMs = null;
      const named = await registry.instances(group.name, networks);
      askedMs = clock.monotonicMs();
      const elapsedMs = beforeMs === null ? 0 : askedMs - beforeMs;
      registered = keepRegistered(registered, named, elapsedMs);
    });
  }
  if (group.config.dnsMs > 0) {
    void repeat(group.config.dnsMs, async () => {
      resolved = (await Promise.all(listed.map(addressesOf))).flat();
    });
  }
  return { stop: () => stop.abort() };
}

/** One target per address of its host name. */
async function addressesOf(target: InstanceTarget): Promise<readonly InstanceTarget[]> {
  const url = new URL(target.url);
  const hostname = url.hostname.replaceAll(/[[\]]/g, '');
  const addresses = await new Promise<{ address: string; family: number }[]>((resolve, reject) => {
    // Asked for by name each time: the cluster's own names are put into `dns.lookup`.
    dns.lookup(hostname, { all: true }, (error, found) => {
      if (error === null) resolve(found);
      else reject(error);
    });
  });
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const safe = addresses.filter(({ address }) => address === hostname || !neverByName.has(address));
  return safe.map(({ address, family }) => ({
    ...target,
    url: `${url.protocol}//${family === 6 ? `[${address}]` : address}:${port}`,
    host: url.host,
  }));
}
