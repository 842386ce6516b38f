/** `meridian verify`: proves that all regions hold the same rows, while they run. */
import { z } from 'zod';
import { usageError } from '../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { renderProgress } from '../core/progress-bar.ts';
import { renderVerify, type VerifyReport } from '../core/verify-view.ts';
import { addressOf, openAdmin, openCluster, regionNamed, type Context } from '../io/context.ts';
import { verifyRegions, type VerifyOptions, type VerifyProgress } from '../io/verify-regions.ts';
import { VerifyRegion } from '../io/verify-region.ts';
import type { AddVerb } from '../program.ts';
import { onStopSignal } from '../io/stop-signal.ts';
import { readStatus } from './status.ts';

interface VerifyFlags {
  readonly table?: readonly string[];
  readonly from?: string;
  readonly above?: string;
  readonly range: string;
  readonly load: string;
  readonly max: string;
}

export const addVerify: AddVerb = (program, act) => {
  program
    .command('verify')
    .description('compare all rows of all regions, while they run; exits 1 on a difference')
    .option('--table <schema.name...>', 'only these tables')
    .option('--from <schema.name>', 'begin with this table: go on where a run was ended')
    .option('--above <key>', 'of that table, rows above this key only: a JSON list of its values')
    .option('--range <rows>', 'rows that are summed up at once', '5000')
    .option('--load <percent>', 'share of the time that the nodes are kept busy', '50')
    .option('--max <count>', 'keys listed per table at most', '100')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian verify\n' +
        '  $ npx meridian verify --table public.note --json\n' +
        '  $ npx meridian verify --load 10 --from public.orders',
    )
    .action(
      act(async (context: Context, flags: VerifyFlags): Promise<ExitCode> => {
        const { terminal, isJson } = context;
        const report = await verifyAll(context, { ...wishesOf(flags), signal: onStopSignal() });
        terminal.out(
          isJson ? JSON.stringify(report, null, 2) : renderVerify(report, terminal.paint),
        );
        return report.isEqual ? exitCodes.done : exitCodes.failed;
      }),
    );
};

type VerifyWishes = Partial<Omit<VerifyOptions, 'primary' | 'others' | 'onProgress'>>;

/** Compares what is wished for, everything by default, and shows how far it is. */
export async function verifyAll(context: Context, wishes: VerifyWishes): Promise<VerifyReport> {
  let last: VerifyProgress | null = null;
  const onProgress = (progress: VerifyProgress): void => {
    last = progress;
    context.terminal.progress(lineOf(progress));
  };
  const wanted = {
    ...{ tables: [], from: null, above: null, rowsPerRange: 5000, loadPercent: 50 },
    ...{ differencesMax: 100, signal: new AbortController().signal },
  };
  const report = await withRegions(context, async (regions) =>
    verifyRegions({ ...wanted, ...wishes, ...regions, onProgress }),
  );
  if (last !== null) context.terminal.progress(lineOf(last), true);
  return report;
}

function wishesOf(flags: VerifyFlags): VerifyWishes {
  return {
    tables: flags.table ?? [],
    from: flags.from ?? null,
    above: keyOf(flags),
    rowsPerRange: numberIn('--range', flags.range, [1, 1_000_000]),
    loadPercent: numberIn('--load', flags.load, [1, 100]),
    differencesMax: numberIn('--max', flags.max, [1, 1_000_000]),
  };
}

/** Opens every region's own node, and closes them after `work`. */
async function withRegions<T>(
  context: Context,
  work: (regions: {
    readonly primary: VerifyRegion;
    readonly others: readonly VerifyRegion[];
  }) => Promise<T>,
): Promise<T> {
  const { config, secrets } = openCluster(context);
  const admin = openAdmin(context, 'admin:viewer');
  const status = await readStatus(admin).finally(async () => admin.close());
  if (status.primary === null) throw usageError('There is no primary now: see meridian status.');
  const all = status.regions.map(({ id, nodes }) => {
    const region = regionNamed(config, id);
    const own = nodes.find(({ kind, role }) => kind === 'node' && role !== 'down') ?? nodes[0];
    const port = region.nodes.find((node) => node.id === own?.id)?.port ?? 5432;
    return new VerifyRegion({
      ...{ region: id, host: addressOf(config, region), port, database: config.database },
      password: secrets().shared.postgres.applier,
    });
  });
  const primary = all.find(({ id }) => id === status.primary);
  if (primary === undefined) throw usageError(`${status.primary} is not in the cluster file.`);
  try {
    return await work({ primary, others: all.filter((region) => region !== primary) });
  } finally {
    await Promise.all(all.map(async (region) => region.close()));
  }
}

function lineOf({ table, rows, rowsEstimate, elapsedMs }: VerifyProgress): string {
  const total = rowsEstimate > rows ? rowsEstimate : null;
  return renderProgress({ title: 'comparing', done: rows, total, elapsedMs, detail: table });
}

function keyOf({ from, above }: VerifyFlags): readonly string[] | null {
  if (above === undefined) return null;
  if (from === undefined) throw usageError('--above belongs to the table that --from names.');
  const parsed = z.array(z.string()).safeParse(jsonOf(above));
  if (parsed.success) return parsed.data;
  throw usageError(`--above ${above} is not a JSON list of texts.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function numberIn(name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= min && value <= max) return value;
  throw usageError(`${name} ${text} is not a number from ${min} to ${max}.`);
}
