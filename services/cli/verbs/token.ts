/** `meridian token`: an access token for scripts, signed with the local secrets. */
import {
  longestDays,
  scopes,
  signAccessToken,
  type Scope,
} from '../../../shared/auth/access-token.ts';
import { usageError } from '../core/cli-error.ts';
import { parseDuration } from '../core/duration.ts';
import { exitCodes } from '../core/exit-code.ts';
import { openCluster, type Context } from '../io/context.ts';
import type { AddVerb } from '../program.ts';

interface TokenOptions {
  readonly scope: string;
  readonly role: string;
  readonly ttl: string;
  readonly subject: string;
}

export const addToken: AddVerb = (program, act) => {
  program
    .command('token')
    .description('print an access token (JWT) for the data or admin API')
    .requiredOption('--scope <scope,...>', `one or more of ${scopes.join(', ')}`)
    .option('--role <name>', 'PostgreSQL role that statements run as', 'app')
    .option('--ttl <duration>', 'how long it is valid, e.g. 15m, 8h, 30d', '1h')
    .option('--subject <name>', 'who it is for, in logs', 'cli')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx meridian token --scope data:write\n' +
        '  $ npx meridian token --scope data:read,admin:viewer --ttl 8h',
    )
    .action(
      act(async (context: Context, options: TokenOptions) => {
        const wanted = scopesOf(options.scope);
        const ttlMs = parseDuration(options.ttl);
        if (ttlMs === null || ttlMs < 1000)
          throw usageError(`--ttl ${options.ttl} is no duration.`);
        if (ttlMs > longestDays * 24 * 3_600_000) {
          throw usageError(`--ttl ${options.ttl} is more than ${String(longestDays)} days.`);
        }
        const cluster = openCluster(context);
        const token = await signAccessToken({
          clusterId: cluster.config.clusterId,
          keys: cluster.secrets().shared.accessKeys,
          subject: options.subject,
          scopes: wanted,
          role: options.role,
          ttlSeconds: Math.floor(ttlMs / 1000),
        });
        const expiresAt = new Date(Date.now() + ttlMs).toISOString();
        context.terminal.out(
          context.isJson
            ? JSON.stringify({ token, scope: wanted.join(' '), role: options.role, expiresAt })
            : token,
        );
        return exitCodes.done;
      }),
    );
};

function scopesOf(text: string): Scope[] {
  return text.split(/[ ,]+/).map((word) => {
    const scope = scopes.find((candidate) => candidate === word);
    if (scope === undefined) {
      throw usageError(`There is no scope ${word}.`, `Scopes: ${scopes.join(', ')}`);
    }
    return scope;
  });
}
