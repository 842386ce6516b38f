/**
 * Watches a secrets file while running: certificates and keys are taken from a changed one at once,
 * a broken or unfit one is left alone and named. Passwords in it wait for a restart.
 */
import { unwatchFile, watchFile } from 'node:fs';
import { messageOf } from '../errors/meridian-error.ts';
import type { Logger } from '../logging/logger.ts';
import { loadSecrets } from './load.ts';
import type { Secrets } from './secrets-schema.ts';

export interface SecretsToFollow {
  readonly path: string;
  readonly logger: Logger;
  /** Throws to refuse the new secrets. */
  readonly onChange: (secrets: Secrets) => void | Promise<void>;
}

const pollMs = 1000;

/** Follows the file for as long as the process lives, or until the returned function is called. */
export function followSecrets({ path, logger, onChange }: SecretsToFollow): () => void {
  const take = async (): Promise<void> => {
    try {
      await onChange(loadSecrets(path));
      logger.info('certificates and keys taken from the changed secrets file');
    } catch (error) {
      logger.error({ why: messageOf(error) }, 'secrets kept, the new file is not fit');
    }
  };
  const look = (): void => void take();
  watchFile(path, { interval: pollMs, persistent: false }, look);
  return () => unwatchFile(path, look);
}
