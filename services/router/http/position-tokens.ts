/** Signed position tokens: read from requests, written to replies. */
import {
  decodePositionToken,
  encodePositionToken,
  type PositionToken,
} from '../../../shared/core/position-token.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { DataReply } from '../../../shared/ports/data-access.ts';
import type { TokenSigner } from '../../../shared/runtime/token-signer.ts';

export interface PositionTokens {
  /** The token of a request; throws TokenInvalid at once when it is forged or foreign. */
  read(header: string | undefined): PositionToken | null;
  /** The signed token of a reply; null when nothing is known. */
  write(reply: Pick<DataReply, 'position' | 'isUpperBound'>): string | null;
}

/** Tokens of one cell of one cluster. */
export function createPositionTokens(
  signer: TokenSigner,
  cluster: { readonly clusterId: string; readonly cell: string },
): PositionTokens {
  // Many replies carry the same position: it is signed once.
  let last = { text: '', token: '' };
  return {
    read(header) {
      if (header === undefined || header === '') return null;
      const text = signer.verify(header);
      const token = text === null ? null : decodePositionToken(text);
      const why =
        token === null
          ? 'malformed, forged or signed with a retired key'
          : token.clusterId !== cluster.clusterId || token.cell !== cluster.cell
            ? 'of another cluster or cell'
            : null;
      if (token !== null && why === null) return token;
      const hint = 'Send meridian-position exactly as the last reply carried it, or leave it out.';
      throw new MeridianError('TokenInvalid', `The position token is ${why ?? 'not valid'}.`, {
        hint,
      });
    },
    write({ position, isUpperBound }) {
      if (position === null) return null;
      const { clusterId, cell } = cluster;
      const text = encodePositionToken({ clusterId, cell, position, isUpperBound });
      if (text !== last.text) last = { text, token: signer.sign(text) };
      return last.token;
    },
  };
}
