/**
 * Statements over HTTP/2, one session kept for as long as the gateway lets it. What a gateway did
 * not begin, as RFC 9113 lets it say (section 6.8: streams beyond a GOAWAY; 8.7: REFUSED_STREAM),
 * is thrown as UpstreamUnavailable that was not sent; so is a session that cannot be opened.
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { json } from 'node:stream/consumers';
import type { ErrorCode } from '../../../shared/errors/catalogue.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { SecuredHosts } from '../security/hosts.ts';

const answerMs = 20_000;

export class Http2Client {
  readonly #hosts: SecuredHosts;
  readonly #sessions = new Map<string, ClientHttp2Session>();
  #token: string | null = null;
  /** How many sessions a gateway has ended. */
  ended = 0;

  constructor(hosts: SecuredHosts) {
    this.#hosts = hosts;
  }

  /** One statement at the gateway of `region`. Throws what a problem document names. */
  async query(region: string, sql: string, consistency = 'session'): Promise<unknown> {
    this.#token ??= await this.#hosts.token('data:write');
    const session = await this.#sessionTo(region);
    const stream = begun(session, {
      ':method': 'POST',
      ':path': '/v1/query',
      'content-type': 'application/json',
      authorization: `Bearer ${this.#token}`,
    });
    stream.end(JSON.stringify({ sql, consistency }));
    return answerOf(stream);
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
  }

  async #sessionTo(region: string): Promise<ClientHttp2Session> {
    const kept = this.#sessions.get(region);
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept;
    const { host, listeners } = this.#hosts.region(region);
    const address = this.#hosts.config.hosts[host] ?? host;
    const ca = this.#hosts.secrets(region).shared.authority ?? '';
    const session = connect(`https://${address}:${listeners.public}`, { ca });
    try {
      await opened(session);
    } catch (error) {
      session.destroy();
      throw unsent(`${region} opens no session`, error);
    }
    session.on('error', () => undefined);
    session.on('goaway', () => {
      this.ended += 1;
      if (this.#sessions.get(region) === session) this.#sessions.delete(region);
    });
    this.#sessions.set(region, session);
    return session;
  }
}

function opened(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    // The first SETTINGS prove that somebody is there who takes requests.
    session.once('remoteSettings', () => resolve());
    session.once('error', reject);
    session.once('close', () => reject(new Error('closed before its settings came')));
  });
}

function begun(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
): ClientHttp2Stream {
  try {
    return session.request({ ...headers });
  } catch (error) {
    throw unsent('the session has ended', error);
  }
}

async function answerOf(stream: ClientHttp2Stream): Promise<unknown> {
  stream.setTimeout(answerMs, () => stream.close(constants.NGHTTP2_CANCEL));
  try {
    const status = await new Promise<number>((resolve, reject) => {
      stream.once('response', (headers) => resolve(Number(headers[':status'])));
      stream.once('error', reject);
      stream.once('close', () => reject(new Error('the stream ended without an answer')));
    });
    const body = await json(stream);
    if (status === 200) return body;
    const { code, detail } = body as { readonly code: ErrorCode; readonly detail: string };
    throw new MeridianError(code, detail);
  } catch (error) {
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) throw unsent('refused', error);
    throw error;
  }
}

function unsent(why: string, cause: unknown): MeridianError {
  return new MeridianError('UpstreamUnavailable', why, { wasSent: false }, cause);
}
