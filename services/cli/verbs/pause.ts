/** `meridian pause|resume`: no automatic failover for a while. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { usageError } from '../core/cli-error.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { exitCodes } from '../core/exit-code.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

export const addPause: AddVerb = (program, act) => {
  program
    .command('pause')
    .description('no automatic failover for a while (maintenance); it ends by itself')
    .option('--for <duration>', 'how long', '30m')
    .option('--reason <text>', 'kept with the record', 'maintenance')
    .action(
      act(async (context: Context, options: { for: string; reason: string }) => {
        const durationMs = parseDuration(options.for);
        if (durationMs === null || durationMs < 1000) {
          throw usageError(`--for ${options.for} is no duration.`, 'For instance 30m or 2h.');
        }
        await send(context, '/admin/pause', { durationMs, reason: options.reason });
        context.terminal.say(`automatic failover pauses for ${formatDuration(durationMs)}`);
        return exitCodes.done;
      }),
    );
  program
    .command('resume')
    .description('automatic failover again')
    .action(
      act(async (context: Context) => {
        await send(context, '/admin/resume', {});
        context.terminal.say('automatic failover is on');
        return exitCodes.done;
      }),
    );
};

async function send(context: Context, path: string, body: unknown): Promise<void> {
  const admin = openAdmin(context, 'admin:operator');
  try {
    const answer = await admin.post({ path, body, idempotencyKey: randomUUID() }, z.unknown());
    if (context.isJson) context.terminal.out(JSON.stringify(answer ?? {}));
  } finally {
    await admin.close();
  }
}
