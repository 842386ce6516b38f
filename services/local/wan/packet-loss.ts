/**
 * What lost packets look like to a TCP connection, which is all that a proxy can show of them:
 * bytes that come late, and everything of the connection behind them. A piece that is lost is sent
 * again after 200 ms (Linux's shortest retransmission time-out), then after twice as long each
 * time: lost k times in a row it comes 200 ms × (2^k − 1) late.
 */
const retransmitMs = 200;
/** 12.6 s late. */
const timesMax = 6;

/** Draws how late each piece comes; the same draws for the same seed. */
export function createPacketLoss(percent: number, seed: number): () => number {
  const next = randomsOf(seed);
  return () => {
    let times = 0;
    while (times < timesMax && next() * 100 < percent) times += 1;
    return retransmitMs * (2 ** times - 1);
  };
}

/** Numbers from 0 to below 1 (xorshift32, Marsaglia 2003). */
function randomsOf(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
