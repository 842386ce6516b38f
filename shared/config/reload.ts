/**
 * Reloads the cluster file while running (SIGHUP or a changed file): a valid file is swapped in, a
 * broken one keeps the old values and says so. Keys outside `reloadable` wait for a restart.
 */
import { unwatchFile, watchFile } from 'node:fs';
import { messageOf } from '../errors/meridian-error.ts';
import type { Logger } from '../logging/logger.ts';

export interface ConfigDifference {
  /** Key paths that take effect now. */
  readonly reloaded: readonly string[];
  /** Key paths that need a restart. */
  readonly pendingRestart: readonly string[];
}

export interface LiveConfig<T> {
  current(): T;
  /** Key paths of the file that differ from what this process started with and need a restart. */
  pendingRestart(): readonly string[];
  /** Why the file on disk was not taken, or null. */
  problem(): string | null;
  onChange(listener: (config: T) => void): void;
  reload(): void;
  stop(): void;
}

export interface LiveConfigOptions<T> {
  readonly path: string;
  readonly load: () => T;
  /** Prefixes of key paths that may change while running, e.g. `log.level` or `gateway`. */
  readonly reloadable: readonly string[];
  readonly logger: Logger;
}

const pollMs = 1000;

/** Loads once (throws ConfigInvalid) and then follows the file until `stop`. */
export function followConfig<T>(options: LiveConfigOptions<T>): LiveConfig<T> {
  const started = options.load();
  const listeners = new Set<(config: T) => void>();
  let current = started;
  let pending: readonly string[] = [];
  let problem: string | null = null;
  const reload = (): void => {
    try {
      const next = options.load();
      const { reloaded } = compareConfig(current, next, options.reloadable);
      pending = compareConfig(started, next, options.reloadable).pendingRestart;
      current = next;
      problem = null;
      options.logger.info({ reloaded, pendingRestart: pending }, 'configuration reloaded');
      if (reloaded.length > 0) for (const listener of listeners) listener(next);
    } catch (error) {
      problem = messageOf(error);
      options.logger.warn({ why: problem }, 'configuration kept, the new file is broken');
    }
  };
  watchFile(options.path, { interval: pollMs, persistent: false }, reload);
  process.on('SIGHUP', reload);
  return {
    current: () => current,
    pendingRestart: () => pending,
    problem: () => problem,
    onChange: (listener) => void listeners.add(listener),
    reload,
    stop: () => {
      unwatchFile(options.path, reload);
      process.off('SIGHUP', reload);
    },
  };
}

/** Which key paths differ, told apart by whether they may change while running. */
export function compareConfig(
  before: unknown,
  after: unknown,
  reloadable: readonly string[],
): ConfigDifference {
  const changed = changedPaths(before, after, '');
  const isReloadable = (path: string): boolean =>
    reloadable.some((prefix) => path === prefix || path.startsWith(`${prefix}.`));
  return {
    reloaded: changed.filter(isReloadable),
    pendingRestart: changed.filter((path) => !isReloadable(path)),
  };
}

function changedPaths(before: unknown, after: unknown, path: string): string[] {
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      changedPaths(before[key], after[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
