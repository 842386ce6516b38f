/**
 * Lets one process at a time install into a folder; the others wait. The lock is a folder that
 * holds one file, named after its owner's process: a lock whose owner is gone is taken over.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const WAIT_MS = 100;
const OWNERLESS_MS_MAX = 10_000;

/**
 * @template T
 * @param {string} lockFolder
 * @param {() => T} action
 * @returns {T}
 */
export function withInstallLock(lockFolder, action) {
  const owner = processName(process.pid) ?? String(process.pid);
  mkdirSync(dirname(lockFolder), { recursive: true });
  while (!tryAcquire(lockFolder, owner)) {
    removeIfAbandoned(lockFolder);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
  }
  try {
    return action();
  } finally {
    attempt(() => unlinkSync(join(lockFolder, owner)));
    attempt(() => rmdirSync(lockFolder));
  }
}

/** @param {string} lockFolder @param {string} owner */
function tryAcquire(lockFolder, owner) {
  if (!attempt(() => mkdirSync(lockFolder))) return false;
  if (!attempt(() => writeFileSync(join(lockFolder, owner), '', { flag: 'wx' }))) return false;
  // Another may have found the folder ownerless for too long and made it anew meanwhile.
  if (readdirSync(lockFolder).length === 1) return true;
  unlinkSync(join(lockFolder, owner));
  return false;
}

/** Unlinking the dead owner's file succeeds for one process only, so no fresh lock is removed. */
/** @param {string} lockFolder */
function removeIfAbandoned(lockFolder) {
  attempt(() => {
    const [owner] = readdirSync(lockFolder);
    if (owner === undefined) {
      if (Date.now() - statSync(lockFolder).mtimeMs < OWNERLESS_MS_MAX) return;
    } else if (processName(Number.parseInt(owner, 10)) === owner) {
      return;
    } else {
      unlinkSync(join(lockFolder, owner));
    }
    rmdirSync(lockFolder);
  });
}

/** A process id is used again one day; with its start time it is not. */
/** @param {number} pid */
function processName(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${pid}-${startTime}`;
  } catch {
    return undefined;
  }
}

/** False when somebody else was faster; any other failure is an error. */
/** @param {() => void} action */
function attempt(action) {
  try {
    action();
    return true;
  } catch (error) {
    const code = /** @type {NodeJS.ErrnoException} */ (error).code;
    if (code === 'EEXIST' || code === 'ENOENT' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}
