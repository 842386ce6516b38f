/**
 * Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2) without touching
 * them, so that control frames of the gateway's own can be put between two of them.
 */

export interface FrameState {
  /** Bytes of a frame header that has not come whole. */
  readonly header: readonly number[];
  /** Bytes of payload still to come. */
  readonly payloadLeft: number;
  /** The frame that the payload belongs to is a ping, a pong or a close. */
  readonly isControl: boolean;
  /** A close frame has passed: nothing may follow it. */
  readonly isClosing: boolean;
}

export const atStart: FrameState = {
  header: [],
  payloadLeft: 0,
  isControl: false,
  isClosing: false,
};

export interface Tracked {
  readonly state: FrameState;
  /** Offset in the chunk just behind the last whole frame; -1 when none ends in it. */
  readonly boundary: number;
  /** Whether the chunk holds anything of a message, not of control frames alone. */
  readonly hasData: boolean;
}

const closeOpcode = 8;

/** Whether the next byte begins a frame. */
export function isBetweenFrames(state: FrameState): boolean {
  return state.header.length === 0 && state.payloadLeft === 0;
}

/** The state after `chunk`. */
export function trackFrames(state: FrameState, chunk: Uint8Array): Tracked {
  let { payloadLeft, isControl, isClosing } = state;
  let header = [...state.header];
  let boundary = -1;
  let hasData = false;
  let at = 0;
  while (at < chunk.length) {
    if (payloadLeft > 0) {
      const taken = Math.min(payloadLeft, chunk.length - at);
      payloadLeft -= taken;
      at += taken;
      hasData ||= !isControl;
      if (payloadLeft === 0) boundary = at;
      continue;
    }
    header.push(chunk[at] ?? 0);
    at += 1;
    const payload = payloadLength(header);
    if (payload === null) continue;
    const opcode = (header[0] ?? 0) & 0x0f;
    isControl = opcode >= closeOpcode;
    hasData ||= !isControl;
    if (opcode === closeOpcode) isClosing = true;
    header = [];
    payloadLeft = payload;
    if (payload === 0) boundary = at;
  }
  return { state: { header, payloadLeft, isControl, isClosing }, boundary, hasData };
}

/** The payload's length once the header is whole, else null. */
function payloadLength(header: readonly number[]): number | null {
  const second = header[1];
  if (second === undefined) return null;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (header.length < 2 + extended + (second >= 0x80 ? 4 : 0)) return null;
  if (extended === 0) return short;
  return header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A ping without payload, as a server sends it. */
export const pingFrame: readonly number[] = [0x89, 0x00];

/** A close frame; `mask` (4 bytes) for the direction from a client to a server. */
export function closeFrame(
  code: number,
  reason: string,
  mask: readonly number[] | null,
): readonly number[] {
  const text = [...reason].map((letter) => letter.charCodeAt(0) & 0x7f).slice(0, 123);
  const payload = [code >> 8, code & 0xff, ...text];
  if (mask === null) return [0x80 + closeOpcode, payload.length, ...payload];
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return [0x80 + closeOpcode, 0x80 + payload.length, ...mask, ...masked];
}
