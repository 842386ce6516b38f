/** `meridian certificates`: how long they are valid, and new ones from the private authority. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { secretsComment } from '../../../local/cluster-files.ts';
import { certificateDays, newCertificates } from '../../../local/new-secrets.ts';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import { certificatesIn } from '../../../../shared/config/security.ts';
import { loadSecrets } from '../../../../shared/config/load.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { openCluster, type Context } from '../../io/context.ts';
import type { AddVerb } from '../../program.ts';

interface RenewOptions {
  readonly authority: string;
  readonly days: string;
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
  const days = Number(options.days);
  if (!Number.isInteger(days) || days < 1 || days > 825) {
    throw usageError(`--days ${options.days} is not a number of days from 1 to 825.`);
  }
  const { config } = openCluster(context);
  const folder = resolve(options.authority);
  const read = (file: string): Promise<string> =>
    readFile(join(folder, file), 'utf8').catch(() => {
      throw new CliError(`${join(folder, file)} cannot be read.`, {
        hint: 'meridian init wrote it to the folder authority.',
      });
    });
  const authority = { certificate: await read('ca.pem'), key: await read('ca-key.pem') };
  for (const file of files.map((name) => resolve(name))) {
    const secrets = loadSecrets(file);
    const certificates = await newCertificates(config, secrets.region, { authority, days });
    const renewed = { ...secrets, own: { ...secrets.own, certificates } };
    await writeFileWhole(file, `${secretsComment}${stringify(renewed)}`, { mode: 0o600 });
    context.terminal.say(`${file}: new certificates of ${secrets.region}, ${String(days)} days`);
  }
  return exitCodes.done;
}
