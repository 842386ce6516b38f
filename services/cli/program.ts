/** All verbs of the program, the options they share, and the help. */
import { Command } from 'commander';
import { exitCodeHelp, type ExitCode } from './core/exit-code.ts';
import { createContext, type Context, type GlobalOptions } from './io/context.ts';
import { addAdopt } from './verbs/adopt/adopt.ts';
import { addCompletion } from './verbs/completion.ts';
import { addConfig } from './verbs/config.ts';
import { addCertificates } from './verbs/deploy/certificates.ts';
import { addTokens } from './verbs/deploy/tokens.ts';
import { addDoctor } from './verbs/deploy/doctor.ts';
import { addInit } from './verbs/deploy/init.ts';
import { addDemo } from './verbs/demo.ts';
import { addDiverged } from './verbs/diverged.ts';
import { addFailover } from './verbs/failover.ts';
import { addHistory } from './verbs/history.ts';
import { addLogs } from './verbs/logs.ts';
import { addPause } from './verbs/pause.ts';
import { addPsql } from './verbs/psql.ts';
import { addRegions } from './verbs/regions.ts';
import { addRescue } from './verbs/rescue/rescue.ts';
import { addRoutes } from './verbs/routes.ts';
import { addStatus } from './verbs/status.ts';
import { addSwitchover } from './verbs/switchover.ts';
import { addToken } from './verbs/token.ts';
import { addUpgrade } from './verbs/deploy/upgrade.ts';
import { addUp } from './verbs/up.ts';
import { addDown } from './verbs/down.ts';
import { addRegion } from './verbs/region.ts';
import { addVerify } from './verbs/verify.ts';
import { addWan } from './verbs/wan.ts';
import { addUrl } from './verbs/url.ts';

/** Turns the work of a verb into commander's action: context first, then arguments and options. */
export type Act = <A extends unknown[]>(
  work: (context: Context, ...args: A) => Promise<ExitCode | void>,
) => (...args: [...A, Command]) => Promise<void>;

type Args<W> = W extends (context: Context, ...args: infer A) => unknown ? A : never;

export type AddVerb = (program: Command, act: Act) => void;

const verbs: readonly AddVerb[] = [
  addUp,
  addDown,
  addStatus,
  addInit,
  addDoctor,
  addAdopt,
  addRegion,
  addCertificates,
  addTokens,
  addUpgrade,
  addRegions,
  addLogs,
  addUrl,
  addToken,
  addPsql,
  addSwitchover,
  addFailover,
  addHistory,
  addDiverged,
  addPause,
  addRescue,
  addWan,
  addConfig,
  addRoutes,
  addVerify,
  addDemo,
  addCompletion,
];

const footer = `
${exitCodeHelp}

Environment:
  MERIDIAN_ENDPOINT, MERIDIAN_TOKEN  admin URL and bearer token instead of the local files
  MERIDIAN_CERTIFICATE  an operator's certificate instead of a token
  MERIDIAN_DATA, MERIDIAN_CONFIG, MERIDIAN_SECRETS  the same as --data, --config, --secrets
  NO_COLOR  no colour

Examples:
  $ npx meridian up
  $ npx meridian status --watch
  $ npx meridian switchover us-east
  $ curl "$(npx meridian url eu-west --gateway)/v1/query" \\
      -H "authorization: Bearer $(npx meridian token --scope data:write)" \\
      -H 'content-type: application/json' -d '{"sql": "SELECT 1 AS one"}'`;

/** The program; `onExitCode` hears the exit code of the verb that ran. */
export function createProgram(onExitCode: (code: ExitCode) => void): Command {
  const program = new Command('meridian')
    .description('One PostgreSQL database, live in several regions.')
    .option('--data <folder>', 'data folder of the local cluster (default: .meridian)')
    .option('--config <file>', 'cluster file (default: the one in the data folder)')
    .option('--secrets <file>', 'secrets file of a region')
    .option('--endpoint <url,...>', 'admin URLs to use instead of the cluster file')
    .option('--json', 'machine-readable output')
    .option('--no-color', 'no colour')
    .showHelpAfterError('(add --help for the usage)')
    .addHelpText('after', footer)
    .exitOverride();
  const act: Act =
    (work) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const context = createContext(command.optsWithGlobals<GlobalOptions>());
      const rest = args.slice(0, -1) as Args<typeof work>;
      const code = await work(context, ...rest);
      if (code !== undefined) onExitCode(code);
    };
  for (const add of verbs) add(program, act);
  overrideExits(program);
  return program;
}

/** Subcommands throw instead of ending the process, too. */
function overrideExits(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) overrideExits(child);
}
