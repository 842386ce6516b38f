/** `meridian diverged`: what regions held beyond a cut, until a person has dealt with it. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { z } from 'zod';
import { usageError } from '../core/cli-error.ts';
import { exitCodes } from '../core/exit-code.ts';
import { renderTable } from '../core/table.ts';
import type { AdminApi } from '../io/admin-api.ts';
import { confirm } from '../io/confirm.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

const listSchema = z.object({
  items: z.array(
    z.looseObject({
      region: z.string(),
      node: z.string().nullish(),
      epoch: z.number(),
      foundAt: z.string(),
      transactions: z.number(),
      rows: z.number(),
      confirmed: z.number(),
      maybeConfirmed: z.number(),
      isListed: z.boolean(),
    }),
  ),
});
const text = z.string().nullable();
const values = z.record(z.string(), text).nullable();
const rowSchema = z.looseObject({
  ordinal: z.number(),
  position: text,
  command: z.string(),
  schema: text,
  table: text,
  before: values,
  after: values,
  confirmed: z.string(),
  idempotencyKey: text,
  why: text,
});
const pageSchema = z.object({ items: z.array(rowSchema), next: z.number().nullable() });
type Row = z.output<typeof rowSchema>;

const placeHelp = 'region/epoch or region/node/epoch, as `diverged list` shows it';

export const addDiverged: AddVerb = (program, act) => {
  const diverged = program
    .command('diverged')
    .description('rows that a region or a lost node held beyond a cut: kept until you discard them')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian diverged list\n' +
        '  $ npx meridian diverged show eu-west/3\n' +
        '  $ npx meridian diverged export eu-west/3 > lost.jsonl\n' +
        '  $ npx meridian diverged discard eu-west/3\n' +
        '\nCONFIRMED: whether another region held a row when its writer was answered;\n' +
        'async-only: none did, so only who wrote it async or logged was told that it is written.',
    );
  diverged.command('list').description('which regions, before which epoch').action(act(list));
  addWithPlace(diverged, 'show', 'the rows as a table').action(act(show));
  addWithPlace(diverged, 'export', 'the rows as JSON lines, with all that is known').action(
    act(exportRows),
  );
  addWithPlace(diverged, 'discard', 'delete the rows; there is no way back')
    .option('--yes', 'do not ask')
    .action(act(discard));
};

function addWithPlace(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).argument('<tail>', placeHelp);
}

async function list(context: Context): Promise<0> {
  const { terminal, isJson } = context;
  const { items } = await asking(context, 'admin:viewer', (admin) =>
    admin.get('/admin/diverged', listSchema),
  );
  if (isJson) {
    terminal.out(JSON.stringify(items, null, 2));
    return exitCodes.done;
  }
  if (items.length === 0) {
    terminal.say('nothing is kept: no region held anything beyond a cut');
    return exitCodes.done;
  }
  const columns = ['TAIL', 'FOUND', 'TRANSACTIONS', 'ROWS', 'CONFIRMED', 'MAY BE', 'WHOLE'];
  const rows = items.map((one) => [
    ...[
      `${one.node ?? one.region}/${one.epoch}`,
      one.foundAt,
      String(one.transactions),
      String(one.rows),
    ],
    ...[String(one.confirmed), String(one.maybeConfirmed), one.isListed ? 'yes' : 'no'],
  ]);
  terminal.out(
    renderTable(
      columns.map((title) => ({ title })),
      rows,
      terminal.paint,
    ),
  );
  return exitCodes.done;
}

async function show(context: Context, tail: string): Promise<0> {
  const { terminal, isJson } = context;
  const rows: Row[] = [];
  await eachPage(context, tail, (page) => rows.push(...page));
  if (isJson) {
    terminal.out(JSON.stringify(rows, null, 2));
    return exitCodes.done;
  }
  const columns = ['#', 'POSITION', 'TABLE', 'COMMAND', 'BEFORE', 'AFTER', 'CONFIRMED', 'KEY'];
  const lines = rows.map((row) => [
    ...[String(row.ordinal), row.position ?? '-', tableOf(row), row.command],
    ...[short(row.before), row.why ?? short(row.after), row.confirmed, row.idempotencyKey ?? '-'],
  ]);
  terminal.out(
    renderTable(
      columns.map((title) => ({ title })),
      lines,
      terminal.paint,
    ),
  );
  return exitCodes.done;
}

async function exportRows(context: Context, tail: string): Promise<0> {
  await eachPage(context, tail, (page) => {
    for (const row of page) context.terminal.out(JSON.stringify(row));
  });
  return exitCodes.done;
}

async function discard(context: Context, tail: string, options: { yes?: boolean }): Promise<0> {
  const path = pathOf(tail);
  await confirm(context, {
    plan: `This deletes the rows kept of ${tail}. Export them first: npx meridian diverged export`,
    word: tail,
    isGiven: options.yes === true,
  });
  const call = { path: `${path}/discard`, body: {}, idempotencyKey: randomUUID() };
  const answer = await asking(context, 'admin:admin', (admin) =>
    admin.post(call, z.looseObject({ discarded: z.number() })),
  );
  if (context.isJson) context.terminal.out(JSON.stringify(answer));
  else context.terminal.say(`${answer.discarded} rows of ${tail} are deleted`);
  return exitCodes.done;
}

async function eachPage(
  context: Context,
  tail: string,
  take: (rows: readonly Row[]) => void,
): Promise<void> {
  const path = pathOf(tail);
  await asking(context, 'admin:viewer', async (admin) => {
    for (let after: number | null = 0; after !== null;) {
      const page: z.output<typeof pageSchema> = await admin.get(
        `${path}?after=${after}`,
        pageSchema,
      );
      take(page.items);
      after = page.next;
    }
  });
}

function pathOf(tail: string): string {
  const match = /^([a-z0-9-]+(?:\/pg-[0-9]+)?)\/([0-9]+)$/.exec(tail);
  if (match === null) {
    throw usageError(
      `${tail} is no tail.`,
      'For instance eu-west/3; see: npx meridian diverged list',
    );
  }
  return `/admin/diverged/${match[1]}/${match[2]}`;
}

async function asking<T>(
  context: Context,
  scope: 'admin:viewer' | 'admin:admin',
  work: (admin: AdminApi) => Promise<T>,
): Promise<T> {
  const admin = openAdmin(context, scope);
  return work(admin).finally(async () => admin.close());
}

function tableOf({ schema, table }: Row): string {
  return table === null ? '-' : `${schema ?? '?'}.${table}`;
}

function short(row: Row['before']): string {
  if (row === null) return '-';
  const whole = JSON.stringify(row);
  return whole.length > 60 ? `${whole.slice(0, 59)}…` : whole;
}
