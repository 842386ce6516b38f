/**
 * What two looks in a row have found to differ: one look alone may fall between the two sides of
 * one change.
 */

/** As many differences are told as fit into a line that a person reads. */
export const differencesShownMax = 10;

export class ConfirmedDifferences {
  #before: readonly string[] = [];
  #told: readonly string[] = [];

  /** What is to be told after a look that found `found`; null when that was told already. */
  after(found: readonly string[]): readonly string[] | null {
    const confirmed = found.filter((one) => this.#before.includes(one));
    this.#before = found;
    if (confirmed.join() === this.#told.join()) return null;
    this.#told = confirmed;
    return confirmed;
  }
}
