/** `meridian upgrade`: order, versions and blockers of a rolling upgrade, and its last step. */
import { planUpgrade, renderUpgradePlan } from '../../core/deploy/upgrade-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { statusDocument } from '../../core/status-document.ts';
import { nothingRuns } from '../../io/admin-api.ts';
import { openAdmin, readCluster, type Context } from '../../io/context.ts';
import { wantedProgram } from '../../io/deploy/wanted-program.ts';
import type { AddVerb } from '../../program.ts';
import { finishUpgrade } from './upgrade-finish.ts';

const help = `
What is wanted is what this program brings: itself, and the PostgreSQL and Kafka that
MERIDIAN_PART_POSTGRES and MERIDIAN_PART_KAFKA name, or else those installed beside it.
Exit code 1 when something is in the way.`;
const finishHelp = `
Raises metadata.version to the newest that all Kafka nodes know; run it on a region's host.
Exit code 3 when one does not answer or is older. There is no way back to an older Kafka.`;

export const addUpgrade: AddVerb = (program, act) => {
  const upgrade = program
    .command('upgrade')
    .description('from one version to the next while the cluster serves');
  upgrade
    .command('plan')
    .description('order, versions and what is in the way; run it with the new version')
    .addHelpText('after', help)
    .action(act(plan));
  upgrade
    .command('finish')
    .description("once every region runs the new version: Kafka's records take their new form")
    .option('--yes', 'without asking')
    .addHelpText('after', finishHelp)
    .action(act(finishUpgrade));
};

async function plan(context: Context): Promise<ExitCode> {
  const admin = openAdmin(context, 'admin:viewer');
  try {
    const { listed, answers } = await admin.regions();
    const status = statusDocument(listed, answers);
    if (status === null) throw nothingRuns(listed);
    const hasFile = (context.options.endpoint ?? context.env['MERIDIAN_ENDPOINT']) === undefined;
    const wanted = wantedProgram(hasFile ? readCluster(context).config : null);
    const made = planUpgrade(status, wanted);
    const { terminal, isJson } = context;
    terminal.out(isJson ? JSON.stringify(made, null, 2) : renderUpgradePlan(made));
    return made.blockers.length === 0 ? exitCodes.done : exitCodes.failed;
  } finally {
    await admin.close();
  }
}
