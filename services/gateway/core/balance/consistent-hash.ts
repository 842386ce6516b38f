/**
 * Consistent hashing with bounded load: weighted rendezvous hashing (Thaler and Ravishankar 1998;
 * a change moves only the keys of the instance that came or went), and an instance that has more
 * than 1.25 times its fair share of the requests under way is passed over (Mirrokni et al. 2016).
 */
import type { Algorithm, Candidate } from './candidate.ts';

const loadBound = 1.25;

export const consistentHash: Algorithm<null> = {
  initial: null,
  choose(candidates, _, draw) {
    let inFlight = 1;
    let weights = 0;
    for (const candidate of candidates) {
      inFlight += candidate.inFlight;
      weights += candidate.weight;
    }
    let index = -1;
    let best = -Infinity;
    for (const [at, candidate] of candidates.entries()) {
      const capacity = Math.ceil((loadBound * inFlight * candidate.weight) / weights);
      if (candidate.inFlight >= capacity) continue;
      const score = scoreOf(candidate, draw.key);
      if (score > best) {
        best = score;
        index = at;
      }
    }
    return { index: Math.max(0, index), state: null };
  },
};

/** Rendezvous score of `key` on a candidate: the highest one owns the key. */
export function scoreOf(candidate: Pick<Candidate, 'id' | 'weight'>, key: string): number {
  const unit = (hash(`${candidate.id}\n${key}`) + 0.5) / 2 ** 32;
  return -candidate.weight / Math.log(unit);
}

/** FNV-1a over the UTF-16 units with MurmurHash3's finaliser, 32 bit. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
