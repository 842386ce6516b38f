/** What the program's exit code says, and which code an error of the catalogue leads to. */

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  stillRunning: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeHelp = [
  'Exit codes:',
  '  0  done',
  '  1  failed',
  '  2  wrong usage, or something that does not exist',
  '  3  refused by a safety rule',
  '  4  timed out, the work goes on',
].join('\n');

const refused: ReadonlySet<string> = new Set([
  'DataLossNotAccepted',
  'OperationRunning',
  'Divergence',
  'ResidencyRefused',
  'WriteLost',
]);

const stillRunning: ReadonlySet<string> = new Set(['DeadlineExceeded', 'CommitOutcomeUnknown']);

/** The exit code for an error code of the catalogue; unknown codes count as failed. */
export function exitCodeOfError(code: string): ExitCode {
  if (refused.has(code)) return exitCodes.refused;
  if (stillRunning.has(code)) return exitCodes.stillRunning;
  return code === 'RequestInvalid' ? exitCodes.usage : exitCodes.failed;
}
