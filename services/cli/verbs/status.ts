/** `meridian status`: every region's role, position, lag, health and URLs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, type ExitCode } from '../core/exit-code.ts';
import { statusDocument, type ListedRegion, type StatusDocument } from '../core/status-document.ts';
import { renderStatus } from '../core/status-view.ts';
import { nothingRuns, type AdminApi } from '../io/admin-api.ts';
import { openAdmin, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

const watchEveryMs = 1000;

export const addStatus: AddVerb = (program, act) => {
  program
    .command('status')
    .description('show every region: role, position, lag, health, URLs')
    .option('--watch', 'again every second, until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx meridian status\n  $ npx meridian status --json | jq -r .primary',
    )
    .action(
      act(async (context: Context, options: { watch?: boolean }) => {
        const admin = openAdmin(context, 'admin:viewer');
        try {
          return options.watch === true ? await watch(context, admin) : await once(context, admin);
        } finally {
          await admin.close();
        }
      }),
    );
};

/** The status document; throws when no region answers. */
export async function readStatus(admin: AdminApi): Promise<StatusDocument> {
  const { listed, status } = await lookOnce(admin);
  if (status === null) throw nothingRuns(listed);
  return status;
}

async function lookOnce(
  admin: AdminApi,
): Promise<{ listed: readonly ListedRegion[]; status: StatusDocument | null }> {
  const { listed, answers } = await admin.regions();
  const status = statusDocument(listed, answers);
  if (status === null) return { listed, status };
  const regions = status.regions.map(async (region) => {
    const parts = listed.find(({ id }) => id === region.id)?.external ?? [];
    return parts.length === 0
      ? region
      : { ...region, external: await admin.external(region.id, parts) };
  });
  return { listed, status: { ...status, regions: await Promise.all(regions) } };
}

async function once(context: Context, admin: AdminApi): Promise<ExitCode> {
  const status = await readStatus(admin);
  context.terminal.out(
    context.isJson ? JSON.stringify(status, null, 2) : renderStatus(status, context.terminal.paint),
  );
  return exitCodes.done;
}

async function watch(context: Context, admin: AdminApi): Promise<ExitCode> {
  const { terminal } = context;
  for (;;) {
    const { status } = await lookOnce(admin);
    if (context.isJson) {
      if (status !== null) terminal.out(JSON.stringify(status));
    } else {
      const home = terminal.isOutTerminal ? '\u001b[H\u001b[2J' : '';
      const text = status === null ? 'no region answers' : renderStatus(status, terminal.paint);
      terminal.out(`${home}${new Date().toISOString()}\n${text}`);
    }
    await sleep(watchEveryMs);
  }
}
