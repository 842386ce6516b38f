/** `meridian certificates`: how long they are valid, and new ones from the private authority. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { secretsComment } from '../../../local/cluster-files.ts';
import {
  certificateDays,
  newCertificates,
  newOperatorCertificate,
} from '../../../local/new-secrets.ts';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import { longestDays } from '../../../../shared/auth/access-token.ts';
import type { IssuedCertificate } from '../../../../shared/auth/certificate-authority.ts';
import { certificatesIn } from '../../../../shared/config/security.ts';
import {
  isOperatorName,
  operatorRoles,
} from '../../../../shared/core/certificate/link-certificate.ts';
import { loadSecrets } from '../../../../shared/config/load.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { openCluster, type Context } from '../../io/context.ts';
import { operatorFileText } from '../../io/operator-certificate.ts';
import type { AddVerb } from '../../program.ts';

interface RenewOptions {
  readonly authority: string;
  readonly days: string;
}

interface OperatorOptions {
  readonly authority: string;
  readonly role: string;
  readonly days: string;
  readonly output?: string;
}

export const addCertificates: AddVerb = (program, act) => {
  const group = program.command('certificates').description('certificates of mode tls');
  group
    .command('show')
    .description('what the certificates of a secrets file are for and when they end')
    .addHelpText('after', '\nExample:\n  $ npx meridian certificates show --secrets eu-west.yaml')
    .action(act(async (context: Context) => show(context)));
  group
    .command('renew <secrets...>')
    .description('new certificates into secrets files; running regions take them by themselves')
    .requiredOption('--authority <folder>', 'the folder with ca.pem and ca-key.pem')
    .option('--days <n>', 'how long they are valid', String(certificateDays))
    .addHelpText(
      'after',
      '\nExample:\n  $ npx meridian certificates renew eu-west.secrets.yaml ' +
        '--authority authority --config meridian.yaml',
    )
    .action(
      act(async (context: Context, files: string[], options: RenewOptions) =>
        renew(context, files, options),
      ),
    );
  group
    .command('operator <name>')
    .description('a certificate for the admin API, shown instead of a token')
    .requiredOption('--authority <folder>', 'the folder with ca.pem and ca-key.pem')
    .option('--role <role>', `what it may do: ${operatorRoles.join(', ')}`, 'viewer')
    .option('--days <n>', 'how long it is valid', '90')
    .option('--output <file>', 'a new file (default: <name>.pem)')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx meridian certificates operator alice --role operator ' +
        '--authority authority --config meridian.yaml\n' +
        '  $ MERIDIAN_CERTIFICATE=alice.pem npx meridian status',
    )
    .action(
      act(async (context: Context, name: string, options: OperatorOptions) =>
        issueOperator(context, name, options),
      ),
    );
};

async function show(context: Context): Promise<ExitCode> {
  const secrets = openCluster(context).secrets();
  const lines = describe(secrets);
  const { terminal, isJson } = context;
  terminal.out(
    isJson
      ? JSON.stringify(lines)
      : lines.map(({ what, validTo, names }) => `${what}: until ${validTo}, ${names}`).join('\n'),
  );
  return Promise.resolve(exitCodes.done);
}

function describe({ region, shared, own }: Secrets) {
  if (shared.authority === undefined || own.certificates === undefined) {
    throw new CliError(`The secrets of ${region} hold no certificates (mode plain).`);
  }
  const texts = [
    ['authority', shared.authority],
    [`${region}, region`, own.certificates.region.certificate],
    [`${region}, broker`, own.certificates.broker.certificate],
  ] as const;
  return texts.flatMap(([what, pem]) =>
    certificatesIn(pem).map((certificate) => ({
      what,
      validTo: certificate.validToDate.toISOString(),
      names: certificate.subjectAltName ?? certificate.subject,
    })),
  );
}

async function renew(
  context: Context,
  files: readonly string[],
  options: RenewOptions,
): Promise<ExitCode> {
  const days = daysOf(options.days, 825);
  const { config } = openCluster(context);
  const authority = await readAuthority(options.authority);
  for (const file of files.map((name) => resolve(name))) {
    const secrets = loadSecrets(file);
    const certificates = await newCertificates(config, secrets.region, { authority, days });
    const renewed = { ...secrets, own: { ...secrets.own, certificates } };
    await writeFileWhole(file, `${secretsComment}${stringify(renewed)}`, { mode: 0o600 });
    context.terminal.say(`${file}: new certificates of ${secrets.region}, ${String(days)} days`);
  }
  return exitCodes.done;
}

async function issueOperator(
  context: Context,
  name: string,
  options: OperatorOptions,
): Promise<ExitCode> {
  const role = operatorRoles.find((one) => one === options.role);
  if (role === undefined) {
    throw usageError(`There is no role ${options.role}.`, `Roles: ${operatorRoles.join(', ')}`);
  }
  if (!isOperatorName(name)) {
    throw usageError(`${name} is no name.`, 'Lower-case letters, digits, ".", "_" and "-".');
  }
  // A revocation is kept as long as any token may live: so long may a certificate.
  const days = daysOf(options.days, longestDays);
  const file = resolve(options.output ?? `${name}.pem`);
  if (existsSync(file)) throw usageError(`${file} is there already.`, 'Name another --output.');
  const { config } = openCluster(context);
  const authority = await readAuthority(options.authority);
  const made = await newOperatorCertificate(authority, {
    ...{ clusterId: config.clusterId, role, name, days },
  });
  const text = operatorFileText({ ...made, authority: authority.certificate });
  await writeFileWhole(file, text, { mode: 0o600 });
  const serial = certificatesIn(made.certificate)[0]?.serialNumber.toLowerCase() ?? '';
  const facts = { file, name, role, days, serial };
  if (context.isJson) context.terminal.out(JSON.stringify(facts));
  else {
    context.terminal.say(`${file}: ${name}, ${role}, ${String(days)} days, number ${serial}`);
  }
  return exitCodes.done;
}

function daysOf(text: string, daysMax: number): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= daysMax) return days;
  throw usageError(`--days ${text} is not a number of days from 1 to ${String(daysMax)}.`);
}

async function readAuthority(named: string): Promise<IssuedCertificate> {
  const folder = resolve(named);
  const read = (file: string): Promise<string> =>
    readFile(join(folder, file), 'utf8').catch(() => {
      throw new CliError(`${join(folder, file)} cannot be read.`, {
        hint: 'meridian init wrote it to the folder authority.',
      });
    });
  return { certificate: await read('ca.pem'), key: await read('ca-key.pem') };
}
