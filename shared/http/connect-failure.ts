/**
 * Tells of a request that failed whether a connection was ever made for it: if not, TLS handshake
 * included, nothing of it was sent, whatever the error's code is.
 */
import type { buildConnector } from 'undici';

const unmade = new WeakSet<Error>();

/** `connect`, whose failures `wasNeverConnected` knows. */
export function notingFailures(connect: buildConnector.connector): buildConnector.connector {
  return (options, done) => {
    connect(options, (...[error, socket]) => {
      if (error === null) return void done(null, socket);
      unmade.add(error);
      done(error, null);
    });
  };
}

export function wasNeverConnected(error: unknown): boolean {
  return error instanceof Error && unmade.has(error);
}
