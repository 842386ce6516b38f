/** `meridian failover`: another region becomes primary although the old one does not answer. */
import { usageError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import { changePrimary } from '../io/change-primary.ts';
import { confirm } from '../io/confirm.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface FailoverOptions {
  readonly to?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly acceptDataLoss?: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

export const addFailover: AddVerb = (program, act) => {
  program
    .command('failover')
    .description('make another region the primary because the present one is lost')
    .option('--to <region>', 'the region that should become primary')
    .option('--reason <text>', 'kept in the history', 'failover by the CLI')
    .option('--dry-run', 'say what would happen and what could be lost')
    .option('--accept-data-loss', 'forced when nothing proves that nothing is lost; needs --to')
    .option('--wait', 'show each step as it happens, then the measured pause', true)
    .option('--no-wait', 'return with the operation’s id')
    .option('--timeout <duration>', 'stop watching after that long', '60s')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian failover --dry-run\n' +
        '  $ npx meridian failover --to ap-south --yes\n' +
        '  $ npx meridian failover --to ap-south --accept-data-loss --dry-run',
    )
    .action(
      act(async (context: Context, options: FailoverOptions) => {
        const isLossy = options.acceptDataLoss === true;
        if (isLossy && options.to === undefined) {
          throw usageError('--accept-data-loss needs --to.', 'Name the region that goes on.');
        }
        if (options.dryRun !== true) {
          await confirm(context, {
            plan: isLossy
              ? 'Writes that only the lost regions hold are given up unless proved safe.\n' +
                'What that would be: the same command with --dry-run.'
              : 'This takes the primary role from a region that may still be serving.',
            word: options.to ?? 'failover',
            isGiven: options.yes === true,
          });
        }
        await changePrimary(context, {
          kind: 'failover',
          to: options.to ?? null,
          reason: options.reason,
          dryRun: options.dryRun === true,
          timeout: options.timeout,
          isAwaited: options.wait,
          ...(isLossy ? { acceptDataLoss: true } : {}),
        });
        return exitCodes.done;
      }),
    );
};
