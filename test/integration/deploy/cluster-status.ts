/** `meridian status --json` on a host of a cluster. */
import type { SecuredHosts } from '../security/hosts.ts';

export interface ClusterStatus {
  readonly primary: string | null;
  readonly members: readonly string[];
  readonly regions: readonly {
    readonly id: string;
    readonly role: string;
    readonly health: string;
  }[];
}

/** Null while no region answers. */
export async function statusOf(hosts: SecuredHosts, region: string): Promise<ClusterStatus | null> {
  const { code, out } = await hosts.run(region, ['status', '--json']);
  return code === 0 ? (JSON.parse(out) as ClusterStatus) : null;
}
