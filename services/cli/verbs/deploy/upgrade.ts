/** `meridian upgrade plan`: order, versions and blockers of a rolling upgrade. */
import { programVersion } from '../../../../shared/config/program-version.ts';
import { planUpgrade, renderUpgradePlan } from '../../core/deploy/upgrade-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { statusDocument } from '../../core/status-document.ts';
import { nothingRuns } from '../../io/admin-api.ts';
import { openAdmin, type Context } from '../../io/context.ts';
import type { AddVerb } from '../../program.ts';

export const addUpgrade: AddVerb = (program, act) => {
  program
    .command('upgrade')
    .description('from one version to the next while the cluster serves')
    .command('plan')
    .description('order, versions and what is in the way; run it with the new version')
    .addHelpText('after', '\nExit code 1 when something is in the way.')
    .action(act(plan));
};

async function plan(context: Context): Promise<ExitCode> {
  const admin = openAdmin(context, 'admin:viewer');
  try {
    const { listed, answers } = await admin.regions();
    const status = statusDocument(listed, answers);
    if (status === null) throw nothingRuns(listed);
    const versions = new Map(
      answers.flatMap(({ from, version }) => (version === null ? [] : [[from, version] as const])),
    );
    const made = planUpgrade(status, versions, programVersion);
    const { terminal, isJson } = context;
    terminal.out(isJson ? JSON.stringify(made, null, 2) : renderUpgradePlan(made));
    return made.blockers.length === 0 ? exitCodes.done : exitCodes.failed;
  } finally {
    await admin.close();
  }
}
