/** `meridian completion`: a completion script for the shell. */
import type { Command } from 'commander';
import { usageError } from '../core/cli-error.ts';
import { completionScript, shells, type VerbWords } from '../core/completion.ts';
import { exitCodes } from '../core/exit-code.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

export const addCompletion: AddVerb = (program, act) => {
  program
    .command('completion <shell>')
    .description(`print a completion script: ${shells.join(', ')}`)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ source <(npx meridian completion bash)\n' +
        '  $ npx meridian completion fish > ~/.config/fish/completions/meridian.fish',
    )
    .action(
      act(async (context: Context, name: string) => {
        const shell = shells.find((candidate) => candidate === name);
        if (shell === undefined) throw usageError(`There is no completion for ${name}.`);
        context.terminal.out(completionScript(shell, verbWords(program, '')));
        return Promise.resolve(exitCodes.done);
      }),
    );
};

function verbWords(command: Command, path: string): VerbWords[] {
  const options = command.options.flatMap((option) => option.long ?? []);
  const next = [...command.commands.map((child) => child.name()), ...options];
  const below = command.commands.flatMap((child) =>
    verbWords(child, path === '' ? child.name() : `${path} ${child.name()}`),
  );
  return [{ path, next }, ...below];
}
