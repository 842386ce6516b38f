/** An end of the program with a message for a person and an exit code for a script. */
import { exitCodes, type ExitCode } from './exit-code.ts';

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** What to do next. */
  readonly hint: string | null;

  constructor(message: string, options: { exitCode?: ExitCode; hint?: string } = {}) {
    super(message);
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.hint = options.hint ?? null;
  }
}

/** A wrong argument. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, {
    exitCode: exitCodes.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}
