/**
 * Key sets that are replaced while a process runs: whoever holds one sees the newest keys at the
 * next signature or check. Passwords are not among them: they wait for a restart.
 */
import type { KeySet, Secrets } from './secrets-schema.ts';

export interface LiveSecrets {
  /** The first secrets, with key sets that follow. */
  readonly secrets: Secrets;
  take(changed: Secrets): void;
}

export function liveSecrets(first: Secrets): LiveSecrets {
  let { accessKeys, positionKeys, peerKeys } = first.shared;
  const shared = {
    ...first.shared,
    accessKeys: followed(() => accessKeys),
    positionKeys: followed(() => positionKeys),
    peerKeys: followed(() => peerKeys),
  };
  return {
    secrets: { ...first, shared },
    take: (changed) => {
      ({ accessKeys, positionKeys, peerKeys } = changed.shared);
    },
  };
}

function followed(newest: () => KeySet): KeySet {
  return {
    get signWith() {
      return newest().signWith;
    },
    get keys() {
      return newest().keys;
    },
  };
}
