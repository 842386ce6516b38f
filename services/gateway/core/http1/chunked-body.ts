/**
 * The chunked coding of a body (RFC 9112, section 7.1), read as it comes and strictly: sizes in
 * plain hexadecimal, every line ended by CR and LF.
 */

export interface ChunkedState {
  readonly expects: 'size' | 'bytes' | 'line-end' | 'trailers';
  /** Beginning of a line whose end has not come. */
  readonly line: string;
  /** Bytes that the chunk still has. */
  readonly left: number;
  readonly trailers: Readonly<Record<string, string>>;
  readonly trailerBytes: number;
}

export type ChunkedRead =
  | { readonly kind: 'malformed' }
  | { readonly kind: 'more'; readonly state: ChunkedState; readonly pieces: readonly Piece[] }
  | {
      readonly kind: 'done';
      readonly pieces: readonly Piece[];
      readonly trailers: Readonly<Record<string, string>>;
      /** Where in the bytes the body has ended. */
      readonly end: number;
    };

/** From and to, in the bytes that were read. */
export type Piece = readonly [number, number];

export const chunkedStart: ChunkedState = {
  expects: 'size',
  line: '',
  left: 0,
  trailers: {},
  trailerBytes: 0,
};

const sizeLine = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const trailerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
const sizeLineMax = 1024;
const trailerBytesMax = 16_384;
const [lineFeed, carriageReturn] = [10, 13];
const malformed: ChunkedRead = { kind: 'malformed' };

/** What `bytes` bring after what `state` has seen. */
export function readChunked(given: ChunkedState, bytes: Uint8Array): ChunkedRead {
  let state = given;
  let at = 0;
  const pieces: Piece[] = [];
  while (at < bytes.length) {
    if (state.expects === 'bytes') {
      const to = Math.min(bytes.length, at + state.left);
      pieces.push([at, to]);
      const left = state.left - (to - at);
      state = { ...state, left, expects: left === 0 ? 'line-end' : 'bytes' };
      at = to;
      continue;
    }
    const end = bytes.indexOf(lineFeed, at);
    const text = textOf(bytes.subarray(at, end === -1 ? bytes.length : end));
    const line = state.line + text;
    if (line.length > (state.expects === 'trailers' ? trailerBytesMax : sizeLineMax)) {
      return malformed;
    }
    if (end === -1) return { kind: 'more', state: { ...state, line }, pieces };
    at = end + 1;
    if (line.charCodeAt(line.length - 1) !== carriageReturn) return malformed;
    const next = afterLine(state, line.slice(0, -1));
    if (next === 'malformed') return malformed;
    if (next === 'done') return { kind: 'done', pieces, trailers: state.trailers, end: at };
    state = next;
  }
  return { kind: 'more', state, pieces };
}

function afterLine(state: ChunkedState, line: string): ChunkedState | 'malformed' | 'done' {
  if (state.expects === 'line-end') {
    return line === '' ? { ...state, line: '', expects: 'size' } : 'malformed';
  }
  if (state.expects === 'size') {
    const digits = sizeLine.exec(line)?.[1];
    if (digits === undefined) return 'malformed';
    const left = Number.parseInt(digits, 16);
    return { ...state, line: '', left, expects: left === 0 ? 'trailers' : 'bytes' };
  }
  if (line === '') return 'done';
  const [, name, value] = trailerLine.exec(line) ?? [];
  const trailerBytes = state.trailerBytes + line.length;
  if (name === undefined || value === undefined || trailerBytes > trailerBytesMax) {
    return 'malformed';
  }
  const key = name.toLowerCase();
  if (key === '__proto__') return 'malformed';
  const before = Object.hasOwn(state.trailers, key) ? state.trailers[key] : undefined;
  const joined = before === undefined ? value : `${before}, ${value}`;
  return { ...state, line: '', trailerBytes, trailers: { ...state.trailers, [key]: joined } };
}

/** Latin1. */
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
