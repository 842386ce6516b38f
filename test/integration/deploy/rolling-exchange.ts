/** Regions that are stopped, exchanged and started one by one while the others serve. */
import assert from 'node:assert/strict';
import { eventually } from '../../helpers/eventually.ts';
import type { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import type { SteadyLoad } from './steady-load.ts';

/** Waits until every region of `regions` is healthy and all but the primary are members. */
export async function isWhole(hosts: SecuredHosts, regions: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      for (const region of regions) {
        const now = await statusOf(hosts, region).catch(() => null);
        const isHealthy = now?.regions.every(({ health }) => health === 'healthy');
        const isComplete = now?.members.length === regions.length - 1;
        if (now?.primary === null || !isComplete || isHealthy !== true) return false;
      }
      return true;
    },
    { deadlineMs: 400_000, intervalMs: 1000 },
  );
}

export interface Exchange {
  readonly hosts: SecuredHosts;
  readonly regions: readonly string[];
  readonly load: SteadyLoad;
  /** Starts the region with other programs. */
  readonly start: (region: string) => void;
}

/** Stops the region, starts it with its new programs, and waits until all is whole again. */
export async function exchange(region: string, how: Exchange): Promise<void> {
  const before = how.load.served();
  await how.hosts.down(region);
  how.start(region);
  await isWhole(how.hosts, how.regions);
  assert.ok(how.load.served() > before, 'the others served meanwhile');
}

/** Each change of primary so far, the newest first. */
export async function changesOf(hosts: SecuredHosts, region: string): Promise<readonly string[]> {
  const { body } = await hosts.admin(region, '/admin/history', await hosts.token('admin:viewer'));
  return (body['items'] as { change: string }[]).map(({ change }) => change);
}
