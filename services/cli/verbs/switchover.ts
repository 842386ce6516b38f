/** `meridian switchover`: a planned, lossless change of the primary region. */
import { exitCodes } from '../core/exit-code.ts';
import { changePrimary } from '../io/change-primary.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface SwitchoverOptions {
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

export const addSwitchover: AddVerb = (program, act) => {
  program
    .command('switchover <to>')
    .description('make another region the primary; writes are held meanwhile, nothing is lost')
    .option('--reason <text>', 'kept in the history', 'switchover by the CLI')
    .option('--dry-run', 'say what would happen')
    .option('--timeout <duration>', 'stop watching after that long', '60s')
    .option('--wait', 'show each step as it happens, then the measured pause', true)
    .option('--no-wait', 'return with the operation’s id')
    .option('--yes', 'accepted for scripts; a switchover asks nothing')
    .addHelpText('after', '\nExample:\n  $ npx meridian switchover us-east --reason "new hardware"')
    .action(
      act(async (context: Context, to: string, options: SwitchoverOptions) => {
        await changePrimary(context, {
          kind: 'switchover',
          to,
          reason: options.reason,
          dryRun: options.dryRun === true,
          timeout: options.timeout,
          isAwaited: options.wait,
        });
        return exitCodes.done;
      }),
    );
};
