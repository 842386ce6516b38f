/** What this process refused for lack of the right credentials: counted, whatever refused it. */

export type RefusedLink = 'peer' | 'admin' | 'public' | 'agent' | 'postgres' | 'redis' | 'kafka';

export type RefusalReason =
  | 'no-certificate'
  | 'foreign-authority'
  | 'expired'
  | 'wrong-region'
  | 'not-operator'
  | 'revoked'
  | 'plain-text'
  | 'bad-token'
  | 'scope'
  | 'replayed'
  | 'not-allowed';

const counts = new Map<string, number>();

export function countRefusal(link: RefusedLink, why: RefusalReason): void {
  const key = `${link} ${why}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

export function refusals(): readonly {
  readonly link: RefusedLink;
  readonly why: RefusalReason;
  readonly count: number;
}[] {
  return [...counts].map(([key, count]) => {
    const [link, why] = key.split(' ') as [RefusedLink, RefusalReason];
    return { link, why, count };
  });
}
