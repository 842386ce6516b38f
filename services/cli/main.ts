/** The `meridian` program: parses the command line, runs one verb, ends with its exit code. */
import { CommanderError } from 'commander';
import { isMeridianError, messageOf } from '../../shared/errors/meridian-error.ts';
import { CliError } from './core/cli-error.ts';
import { exitCodeOfError, exitCodes, type ExitCode } from './core/exit-code.ts';
import { createProgram } from './program.ts';

/** Runs the program with `args` (without node and script); resolves with the exit code. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  const outcome: { code: ExitCode } = { code: exitCodes.done };
  const program = createProgram((code) => {
    outcome.code = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    return explain(error);
  }
  return outcome.code;
}

function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  const say = (text: string): boolean => process.stderr.write(`${text}\n`);
  if (error instanceof CliError) {
    say(`meridian: ${error.message}`);
    if (error.hint !== null) say(`  ${error.hint}`);
    return error.exitCode;
  }
  if (isMeridianError(error)) {
    say(`meridian: ${error.code}: ${error.message}`);
    if (error.details.hint !== undefined) say(`  ${error.details.hint}`);
    return exitCodeOfError(error.code);
  }
  say(`meridian: ${messageOf(error)}`);
  if (process.env['MERIDIAN_DEBUG'] && error instanceof Error) say(error.stack ?? '');
  return exitCodes.failed;
}

if (import.meta.main) {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? exitCodes.done : exitCodes.failed);
  });
  // Node would print all that an error carries, for instance a connection with its password.
  const end = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : typeof error;
    process.stderr.write(`meridian: unexpected error: ${text}\n`);
    process.exit(exitCodes.failed);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  process.exitCode = await runCli(process.argv.slice(2));
}
