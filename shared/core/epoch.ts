/** Number of the current promotion. 0 means that no region has been promoted yet. */

declare const epochBrand: unique symbol;
export type Epoch = number & { readonly [epochBrand]: true };

/** `value` as an Epoch, or null unless it is a whole number from 0 up to 2^31 - 1. */
export function parseEpoch(value: unknown): Epoch | null {
  const isEpoch =
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
  return isEpoch ? (value as Epoch) : null;
}

export const noEpoch = 0 as Epoch;

/** The epoch after `epoch`: the only one that a prepare may open. */
export function nextEpoch(epoch: Epoch): Epoch {
  return (epoch + 1) as Epoch;
}

/** Publication and logical slot of an epoch share this name. */
export function publicationOf(epoch: Epoch): string {
  return `meridian_${epoch}`;
}
