/**
 * Remembers decisions that depend on nothing but the client's place, as long as the facts about
 * the regions are the same. Decisions that are drawn by lot are not remembered.
 */
import type { ClientPlace, RegionFacts, RouteDecision } from './core/route-decision.ts';

const rememberedMax = 10_000;

export class DecisionMemo {
  readonly #spillAbove: number;
  #facts: readonly RegionFacts[] | null = null;
  #isDrawn = false;
  #decisions = new Map<ClientPlace, RouteDecision>();

  constructor(spillAbove: number) {
    this.#spillAbove = spillAbove;
  }

  /** The decision for `place` under exactly these facts. */
  of(facts: readonly RegionFacts[], place: ClientPlace): RouteDecision | undefined {
    return facts === this.#facts ? this.#decisions.get(place) : undefined;
  }

  remember(facts: readonly RegionFacts[], place: ClientPlace, decision: RouteDecision): void {
    if (facts !== this.#facts) {
      this.#facts = facts;
      this.#decisions = new Map();
      this.#isDrawn = facts.some(({ load }) => (load ?? 0) > this.#spillAbove);
    }
    if (this.#isDrawn || decision.why === 'panic') return;
    if (this.#decisions.size >= rememberedMax) this.#decisions.clear();
    this.#decisions.set(place, decision);
  }
}
