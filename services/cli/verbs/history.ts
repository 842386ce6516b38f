/** `meridian history`: every epoch, why it began, and where the one before ended. */
import { z } from 'zod';
import { formatDuration } from '../core/duration.ts';
import { exitCodes } from '../core/exit-code.ts';
import { renderTable } from '../core/table.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

/** `GET /admin/history`; fields it does not name pass into `--json`. */
const historySchema = z.looseObject({
  items: z.array(
    z.looseObject({
      epoch: z.number(),
      change: z.string(),
      from: z.string().nullable(),
      to: z.string(),
      cut: z.string(),
      why: z.string(),
      atMs: z.number().nullable().default(null),
      isForced: z.boolean().default(false),
      by: z.string().nullable().default(null),
      pauseMs: z.number().nullable().default(null),
      rowsLost: z.number().nullable().default(null),
    }),
  ),
});

const columns = [
  { title: 'EPOCH', align: 'right' as const },
  { title: 'WHEN' },
  { title: 'KIND' },
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'CUT' },
  { title: 'PAUSE', align: 'right' as const },
  { title: 'ROWS LOST', align: 'right' as const },
  { title: 'WHY' },
];

export const addHistory: AddVerb = (program, act) => {
  program
    .command('history')
    .description('every epoch: when, from, to, cut, write pause, rows lost, and why')
    .action(
      act(async (context: Context) => {
        const { terminal, isJson } = context;
        const admin = openAdmin(context, 'admin:viewer');
        const history = await admin
          .get('/admin/history', historySchema)
          .finally(async () => admin.close());
        if (isJson) {
          terminal.out(JSON.stringify(history.items, null, 2));
          return exitCodes.done;
        }
        const rows = history.items.map((item) => [
          String(item.epoch),
          item.atMs === null ? '-' : new Date(item.atMs).toISOString().slice(0, 19) + 'Z',
          item.isForced ? 'forced' : item.change,
          item.from ?? '-',
          item.to,
          item.cut,
          item.pauseMs === null ? '-' : formatDuration(item.pauseMs),
          item.rowsLost === null ? '-' : String(item.rowsLost),
          item.by === null ? item.why : `${item.why} (${item.by})`,
        ]);
        terminal.out(renderTable(columns, rows, terminal.paint));
        return exitCodes.done;
      }),
    );
};
