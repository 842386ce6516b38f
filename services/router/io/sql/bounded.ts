/** Waits for PostgreSQL no longer than the caller does. */
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';

/** `work`, or DeadlineExceeded after `ms`, or as soon as nobody waits for it any more. */
export function bounded<T>(
  work: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (message: string): void => reject(new MeridianError('DeadlineExceeded', message));
    const onAbort = (): void => give('The client has left; nothing was done.');
    const timer = setTimeout(() => give('The deadline passed before the node answered.'), ms);
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort);
    work.then(
      (result) => {
        end();
        resolve(result);
      },
      (error: unknown) => {
        end();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
