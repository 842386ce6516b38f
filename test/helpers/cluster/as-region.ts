/** The process of a test acts for one region of a cluster in mode tls, for another when it must. */
import { linkIdentityOf } from '../../../shared/config/security.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import type { TestCluster } from '../cluster.ts';

let turn: Promise<unknown> = Promise.resolve();

/**
 * Runs `work` with the certificate of `region`, whose data log nobody else may read. One after the
 * other: a process has one identity.
 */
export function asRegion<T>(
  cluster: TestCluster,
  region: string,
  work: () => Promise<T>,
): Promise<T> {
  const become = (id: string): void =>
    installLinkIdentity(linkIdentityOf(cluster.config, cluster.secrets(id)));
  const done = turn.then(async () => {
    become(region);
    try {
      return await work();
    } finally {
      become(cluster.regionIds[0] ?? '');
    }
  });
  turn = done.catch(() => undefined);
  return done;
}
