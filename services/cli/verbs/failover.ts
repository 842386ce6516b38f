/** `meridian failover`: another region becomes primary although the old one does not answer. */
import { exitCodes } from '../core/exit-code.ts';
import { changePrimary } from '../io/change-primary.ts';
import { confirm } from '../io/confirm.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface FailoverOptions {
  readonly to?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly acceptDataLoss?: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
}

export const addFailover: AddVerb = (program, act) => {
  program
    .command('failover')
    .description('make another region the primary because the present one is lost')
    .option('--to <region>', 'the region that should become primary')
    .option('--reason <text>', 'kept in the history', 'failover by the CLI')
    .option('--dry-run', 'say what would happen and what could be lost')
    .option('--force', 'without proof that nothing confirmed is lost; needs --to')
    .option('--accept-data-loss', 'needed by --force')
    .option('--timeout <duration>', 'stop watching after that long', '60s')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian failover --dry-run\n' +
        '  $ npx meridian failover --to ap-south --yes',
    )
    .action(
      act(async (context: Context, options: FailoverOptions) => {
        const isLossy = options.force === true && options.acceptDataLoss === true;
        if (options.dryRun !== true) {
          await confirm(context, {
            plan: isLossy
              ? 'This forces a failover: writes that only the lost regions hold are given up.'
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
          ...(options.force === true ? { force: true } : {}),
          ...(options.acceptDataLoss === true ? { acceptDataLoss: true } : {}),
        });
        return exitCodes.done;
      }),
    );
};
