/** TLS for Meridian's own HTTP: servers and connections of the process's identity. */
import { createServer as createTlsServer } from 'node:https';
import type { RequestListener, Server } from 'node:http';
import { buildConnector } from 'undici';
import { countRefusal, type RefusedLink } from '../metrics/refusals.ts';
import { notingFailures } from './connect-failure.ts';
import {
  clientTls,
  credentialsOf,
  followIdentity,
  linkIdentity,
  refusalOf,
} from '../runtime/link-security.ts';

/**
 * Makes servers that speak TLS; undefined in mode plain. On the links `peer` and `admin` callers
 * are asked for a certificate; a hook refuses those without a sound one, so that they are told why.
 */
export function securedServerOf(
  link: RefusedLink,
  limits: { readonly requestTimeoutMs: number; readonly keepAliveTimeoutMs: number },
): ((handler: RequestListener) => Server) | undefined {
  const identity = linkIdentity();
  if (identity === null) return undefined;
  return (handler) => {
    const server = createTlsServer(
      {
        ...credentialsOf(identity),
        requestCert: link === 'peer' || link === 'admin',
        rejectUnauthorized: false,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
      },
      handler,
    );
    followIdentity(server);
    server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? '';
      const isPlain = /HTTP_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH|UNEXPECTED_MESSAGE/.test(
        code,
      );
      if (isPlain) countRefusal(link, 'plain-text');
      else if (code.includes('ALERT')) countRefusal(link, 'foreign-authority');
    });
    return server;
  };
}

/** Connects for undici; each new connection shows the newest certificate. */
export function linkConnector(link: RefusedLink, timeoutMs: number): buildConnector.connector {
  return notingFailures((options, done) => {
    const secured = options.protocol === 'https:' ? clientTls(link, options.hostname) : null;
    const connect = buildConnector({ ...secured, timeout: timeoutMs, allowH2: false });
    connect(options, (...[error, socket]) => {
      if (error === null) done(null, socket);
      else done(refusalOf(link, error) as Error, null);
    });
  });
}
