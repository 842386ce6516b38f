/** From the URL of a database to all that a connection needs: password, certificates. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AdoptionSource } from '../../../local/postgres/adoption-source.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { checkWay, whyUnfit, type ForeignTls } from '../../../../shared/pg/foreign-server.ts';
import type { DatabaseUrl, UrlTls } from '../../core/adopt/database-url.ts';
import { passwordIn } from '../../core/adopt/pass-file.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import type { Context } from '../context.ts';

/** Throws, with what to do, when plain text would leave this machine or a file is unfit. */
export function readSource(context: Context, url: DatabaseUrl): AdoptionSource {
  const { host, port, database, user, tls } = url;
  const way = tls === null ? undefined : readCertificates(tls);
  checkWay(host, way ?? 'plain');
  const place = { host, port, database, user, password: passwordOf(context, url) };
  return way === undefined ? place : { ...place, tls: way };
}

function readCertificates({ isNameChecked, authorityFile, own }: UrlTls): ForeignTls {
  const tls = {
    isNameChecked,
    authority: readText('sslrootcert', authorityFile),
    own:
      own === null
        ? null
        : {
            certificate: readText('sslcert', own.certificateFile),
            key: readText('sslkey', own.keyFile),
          },
  };
  const why = whyUnfit(tls);
  if (why !== null) throw usageError(`What the URL names cannot be used: ${why}.`);
  return tls;
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${name} cannot be read: ${messageOf(error)}`);
  }
}

const warning =
  'The URL holds the password, which arguments show to everybody on this host, and shells keep: ' +
  'leave it out, set PGPASSWORD or write a line into ~/.pgpass.';

/** As libpq looks for it. An empty text: there is none. */
function passwordOf({ terminal, env }: Context, url: DatabaseUrl): string {
  if (url.password !== null) {
    terminal.say(warning);
    return url.password;
  }
  const given = env['PGPASSWORD'] ?? '';
  if (given !== '') return given;
  const file = env['PGPASSFILE'] ?? join(env['HOME'] ?? '/', '.pgpass');
  if (!existsSync(file)) return '';
  if ((statSync(file).mode & 0o077) !== 0) {
    const hint = `chmod 600 ${file}`;
    throw new CliError(`${file} can be read by others, so its passwords are not used.`, { hint });
  }
  return passwordIn(readFileSync(file, 'utf8'), url) ?? '';
}
