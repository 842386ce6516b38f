/** How an error is told to a person. */
import { messageOf } from '../../../shared/errors/meridian-error.ts';

/** The error and, when there is one, its cause, as one sentence. */
export function sentenceOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : null;
  return cause === null ? messageOf(error) : `${messageOf(error)} ${cause}`;
}
