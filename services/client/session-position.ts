/**
 * The position that a session has reached. Tokens are signed by the server; their text is read
 * only to keep the later of two.
 */

export class SessionPosition {
  #token: string | null = null;

  /** The token to send, or null before the first reply. */
  get token(): string | null {
    return this.#token;
  }

  /** Keeps `token` if it is later than what is known, or cannot be compared with it. */
  advance(token: string | null): void {
    if (token === null || token === '') return;
    if (this.#token === null || !isLater(this.#token, token)) this.#token = token;
  }

  /** Forgets the position: the next read may be served by any node. */
  reset(): void {
    this.#token = null;
  }
}

/** Whether `a` is certainly later than `b`. */
export function isLater(a: string, b: string): boolean {
  const [first, second] = [positionIn(a), positionIn(b)];
  if (first === null || second === null) return false;
  if (first.epoch !== second.epoch) return first.epoch > second.epoch;
  return first.lsn > second.lsn;
}

/** `1.<cell>.<epoch>:<X/X>.<e|u>.<cluster>` in the token's first part, base64url. */
function positionIn(token: string): { readonly epoch: number; readonly lsn: bigint } | null {
  const body = token.split('.')[0] ?? '';
  const text = Buffer.from(body, 'base64url').toString('utf8');
  const match = /^1\.[^.]*\.([0-9]{1,10}):([0-9A-F]{1,8})\/([0-9A-F]{1,8})\./i.exec(text);
  if (match === null) return null;
  const [, epoch, high, low] = match;
  return { epoch: Number(epoch), lsn: (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`) };
}
