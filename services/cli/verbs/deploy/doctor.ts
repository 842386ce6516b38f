/** `meridian doctor`: is this host fit for its region, are the region's parts as they must be? */
import { runningAgent } from '../../../local/leftovers.ts';
import { localRegionPaths } from '../../../local/region-paths.ts';
import { hostsOf } from '../../../local/region-context.ts';
import { checkSecurity } from '../../../../shared/config/security.ts';
import { isMeridianError, messageOf } from '../../../../shared/errors/meridian-error.ts';
import { installHostResolver } from '../../../../shared/runtime/host-resolver.ts';
import {
  describeFindings,
  failed,
  hasFailed,
  ok,
  skipped,
  type Finding,
} from '../../core/doctor/finding.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { dataFolderOf } from '../../io/cluster-files.ts';
import { openCluster, regionNamed, type Context } from '../../io/context.ts';
import { checkHost } from '../../io/doctor/host-checks.ts';
import { checkPeers } from '../../io/doctor/peer-checks.ts';
import {
  checkExternalParts,
  checkParts,
  type PartsToCheck,
} from '../../io/doctor/service-checks.ts';
import type { AddVerb } from '../../program.ts';

export const addDoctor: AddVerb = (program, act) => {
  program
    .command('doctor [region]')
    .description('check host, parts and other regions, before the start and at any time')
    .addHelpText(
      'after',
      '\nOne line per check, with the fix. Exit code 1 when a check failed.' +
        '\n\nExample:\n  $ npx meridian doctor --config meridian.yaml --secrets secrets.yaml',
    )
    .action(act(async (context: Context, id: string | undefined) => doctor(context, id)));
};

async function doctor(context: Context, id: string | undefined): Promise<ExitCode> {
  const opened = openCluster(context);
  const { config } = opened;
  const named = id === undefined ? null : regionNamed(config, id);
  const secrets = opened.secrets(id);
  const region = named ?? regionNamed(config, secrets.region);
  installHostResolver(hostsOf(config, region, {}));
  const paths = localRegionPaths(dataFolderOf(context.options, context.env), region.id);
  const isRunning = runningAgent(paths) !== null;
  const parts = { cluster: config, region, secrets };
  const findings: Finding[] = [
    checkFiles(parts),
    ...(await checkHost({ cluster: config, region, secrets, paths, isRunning })),
    ...(isRunning
      ? await checkParts(parts)
      : [
          skipped('parts', `not started: npx meridian region up ${region.id}`),
          ...(await checkExternalParts(parts)),
        ]),
    ...(await checkPeers(config, region)),
  ];
  const isFit = !hasFailed(findings);
  const { terminal, isJson } = context;
  const facts = { region: region.id, isRunning, isFit, findings };
  terminal.out(isJson ? JSON.stringify(facts, null, 2) : describeFindings(findings));
  return isFit ? exitCodes.done : exitCodes.failed;
}

function checkFiles({ cluster, region, secrets }: PartsToCheck): Finding {
  const check = 'files';
  if (secrets.region !== region.id) {
    const found = `the secrets are of ${secrets.region}, not of ${region.id}`;
    return failed(check, found, `name the secrets file of ${region.id} with --secrets`);
  }
  try {
    checkSecurity(cluster, secrets);
    return ok(check, `${region.id} of ${cluster.clusterId}, mode ${cluster.security.mode}`);
  } catch (error) {
    const known = isMeridianError(error) ? error.details.hint : undefined;
    const fix = known ?? 'npx meridian init writes sound ones';
    return failed(check, messageOf(error).replace(/\.$/, ''), fix);
  }
}
