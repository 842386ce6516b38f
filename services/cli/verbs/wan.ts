/** `meridian wan`: the lines between the regions of a local cluster started with `--wan`. */
import { localWanClient } from '../../local/local-wan.ts';
import type { WanClient } from '../../local/wan/wan-control.ts';
import type { DirectionChange, DirectionReport } from '../../local/wan/wan-direction.ts';
import { CliError, usageError } from '../core/cli-error.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { exitCodes } from '../core/exit-code.ts';
import { renderTable, type Paint } from '../core/table.ts';
import { dataFolderOf } from '../io/cluster-files.ts';
import type { Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface SlowOptions {
  readonly add?: string;
  readonly bytesPerSecond?: string;
}

export const addWan: AddVerb = (program, act) => {
  const wan = program
    .command('wan')
    .description('latency and faults between the regions of a cluster started with --wan')
    .addHelpText(
      'after',
      '\nOne call changes one direction of one pair.\n\nExamples:\n' +
        '  $ npx meridian wan show\n' +
        '  $ npx meridian wan set eu-west us-east 45ms\n' +
        '  $ npx meridian wan cut eu-west ap-south',
    );
  const change = (context: Context, pair: readonly [string, string], to: DirectionChange) =>
    withWan(context, async (client) => [await client.change(...pair, to)]);
  wan
    .command('show', { isDefault: true })
    .description('every direction: state, one-way latency, limit, bytes carried')
    .action(act(async (context: Context) => withWan(context, async (client) => client.show())));
  wan
    .command('set <from> <to> <latency>')
    .description('another one-way latency, e.g. 45ms')
    .action(
      act(async (context: Context, ...[from, to, text]: [string, string, string, object]) => {
        const latencyMs = latencyOf(text);
        return change(context, [from, to], { action: 'set', latencyMs });
      }),
    );
  for (const [action, does] of [
    ['cut', 'reset every connection, refuse new ones'],
    ['freeze', 'deliver nothing, break nothing: half-open connections'],
    ['heal', 'open again, with the latency of the distance'],
  ] as const) {
    wan
      .command(`${action} <from> <to>`)
      .description(does)
      .action(
        act(async (context: Context, from: string, to: string) =>
          change(context, [from, to], { action }),
        ),
      );
  }
  wan
    .command('slow <from> <to>')
    .description('more latency, less bandwidth')
    .option('--add <latency>', 'added to the one-way latency', '200ms')
    .option('--bytes-per-second <count>', 'limit of the line')
    .action(
      act(async (context: Context, ...[from, to, options]: [string, string, SlowOptions]) =>
        change(context, [from, to], slowOf(options)),
      ),
    );
};

function slowOf(options: SlowOptions): DirectionChange {
  const limit = options.bytesPerSecond;
  if (limit !== undefined && !(Number(limit) >= 1)) {
    throw usageError(`--bytes-per-second ${limit} is no positive number.`);
  }
  return {
    action: 'slow',
    addedMs: latencyOf(options.add ?? '0'),
    ...(limit === undefined ? {} : { bytesPerSecond: Number(limit) }),
  };
}

/** Milliseconds; a bare number is milliseconds too. */
function latencyOf(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseDuration(text);
  if (ms === null) throw usageError(`${text} is no latency.`, 'For instance 45ms.');
  return ms;
}

async function withWan(
  context: Context,
  work: (client: WanClient) => Promise<readonly DirectionReport[]>,
) {
  const client = localWanClient(dataFolderOf(context.options, context.env));
  if (client === null) {
    throw new CliError('No WAN proxies run here.', { hint: 'Start with: npm start -- --wan' });
  }
  const reports = await work(client).finally(async () => client.close());
  context.terminal.out(
    context.isJson ? JSON.stringify(reports, null, 2) : render(reports, context.terminal.paint),
  );
  return exitCodes.done;
}

function render(reports: readonly DirectionReport[], paint: Paint): string {
  const rows = reports.map((report) => [
    report.from,
    report.to,
    report.state === 'open' ? paint('green', report.state) : paint('red', report.state),
    formatDuration(report.latencyMs + report.addedMs),
    report.bytesPerSecond === null ? '-' : `${String(report.bytesPerSecond)} B/s`,
    String(report.bytes),
  ]);
  const titles = ['FROM', 'TO', 'STATE', 'ONE WAY', 'LIMIT', 'BYTES'];
  return renderTable(
    titles.map((title, index) => ({ title, align: index < 3 ? 'left' : 'right' })),
    rows,
    paint,
  );
}
