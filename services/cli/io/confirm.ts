/** Asks before a verb that destroys or interrupts something. */
import { CliError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import type { Context } from './context.ts';

export interface Confirmation {
  /** What is going to happen, in words. */
  readonly plan: string;
  /** The word to type, for instance the region's name. */
  readonly word: string;
  readonly isGiven: boolean;
}

/** Returns when confirmed; without a terminal `--yes` is needed. Exits 3 when refused. */
export async function confirm(context: Context, confirmation: Confirmation): Promise<void> {
  if (confirmation.isGiven) return;
  context.terminal.say(confirmation.plan);
  const answer = await context.terminal.ask(`Type ${confirmation.word} to go on: `);
  if (answer === confirmation.word) return;
  throw new CliError(
    answer === null ? 'Nobody is here to confirm this.' : 'Not confirmed; nothing was done.',
    { exitCode: exitCodes.refused, hint: 'In scripts give --yes.' },
  );
}
