/** `meridian tokens`: access tokens that are refused in every region before they expire. */
import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { CliError, usageError } from '../../core/cli-error.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { renderTable } from '../../core/table.ts';
import { openAdmin, type Context } from '../../io/context.ts';
import type { AddVerb } from '../../program.ts';

interface RevokeOptions {
  readonly subject?: string;
  readonly reason: string;
}

const listSchema = z.object({
  items: z.array(
    z.looseObject({
      tokenId: z.string().nullable(),
      subject: z.string().nullable(),
      issuedBeforeMs: z.number(),
      untilMs: z.number(),
    }),
  ),
});

export const addTokens: AddVerb = (program, act) => {
  const group = program.command('tokens').description('access tokens that were revoked');
  group.command('revoked').description('what is refused, until when').action(act(list));
  group
    .command('revoke [id]')
    .description('refuse a token, or all of a subject so far, in every region')
    .option('--subject <name>', 'every token that this subject was given until now')
    .option('--reason <text>', 'kept with the record', '')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ MERIDIAN_REVOKE=<token> npx meridian tokens revoke\n' +
        '  $ npx meridian tokens revoke --subject cli',
    )
    .action(
      act(async (context: Context, id: string | undefined, options: RevokeOptions) =>
        revoke(context, namedIn(context, id), options),
      ),
    );
};

async function list(context: Context): Promise<ExitCode> {
  const admin = openAdmin(context, 'admin:viewer');
  const { items } = await admin
    .get('/admin/tokens/revoked', listSchema)
    .finally(async () => admin.close());
  const day = (ms: number): string => new Date(ms).toISOString();
  const rows = items.map(({ tokenId, subject, issuedBeforeMs, untilMs }) => [
    tokenId ?? `all of ${subject ?? ''} before ${day(issuedBeforeMs)}`,
    day(untilMs),
  ]);
  context.terminal.out(
    context.isJson
      ? JSON.stringify(items, null, 2)
      : renderTable([{ title: 'REVOKED' }, { title: 'UNTIL' }], rows),
  );
  return exitCodes.done;
}

async function revoke(
  context: Context,
  token: Named | null,
  { subject, reason }: RevokeOptions,
): Promise<ExitCode> {
  if ((token === null) === (subject === undefined)) {
    throw usageError('Give a token in MERIDIAN_REVOKE, its id, or --subject.');
  }
  const admin = openAdmin(context, 'admin:admin');
  const body = { reason, ...(token === null ? { subject } : token) };
  try {
    const call = { path: '/admin/tokens/revoke', body, idempotencyKey: randomUUID() };
    const answer = await admin.post(call, z.looseObject({ id: z.string() }));
    if (context.isJson) context.terminal.out(JSON.stringify(answer));
  } finally {
    await admin.close();
  }
  context.terminal.say('revoked: every region refuses it once it has read the control log');
  return exitCodes.done;
}

interface Named {
  readonly tokenId: string;
  readonly expiresAtMs?: number;
}

/** A whole token comes by the environment: everybody on the host can read arguments. */
function namedIn(context: Context, id: string | undefined): Named | null {
  if (id !== undefined) return { tokenId: id };
  const token = context.env['MERIDIAN_REVOKE'];
  if (token === undefined) return null;
  try {
    const { jti, exp } = decodeJwt(token);
    if (jti !== undefined) {
      return { tokenId: jti, ...(exp === undefined ? {} : { expiresAtMs: exp * 1000 }) };
    }
  } catch {
    // Told below, together with a token that has no id.
  }
  throw new CliError('This is no access token with an id.', {
    hint: 'Tokens without an id are revoked by --subject.',
  });
}
