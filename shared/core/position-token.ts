/** The unsigned form of a position token; `shared/runtime/token-signer` signs and verifies it. */
import { parsePosition, formatPosition, type Position } from './position.ts';

export interface PositionToken {
  readonly clusterId: string;
  readonly cell: string;
  readonly position: Position;
  /** True when the position is an upper bound: decoding was far behind when it was issued. */
  readonly isUpperBound: boolean;
}

/** `1.<cell>.<position>.<e|u>.<cluster id>`: format version first, the cluster id last. */
export function encodePositionToken(token: PositionToken): string {
  const bound = token.isUpperBound ? 'u' : 'e';
  return ['1', token.cell, formatPosition(token.position), bound, token.clusterId].join('.');
}

/** The token encoded in `text`, or null when it is none of version 1. */
export function decodePositionToken(text: string): PositionToken | null {
  const [version, cell, positionText, bound, clusterId, ...rest] = text.split('.');
  if (version !== '1' || cell === undefined || clusterId === undefined || rest.length > 0) {
    return null;
  }
  const position = parsePosition(positionText ?? '');
  if (position === null || (bound !== 'e' && bound !== 'u')) return null;
  return { clusterId, cell, position, isUpperBound: bound === 'u' };
}
