/** Ids of interactive transactions: signed, so that a made-up one is refused at once. */
import { randomUUID } from 'node:crypto';
import type { RegionId } from '../../../../shared/core/region.ts';
import { parseRegionId } from '../../../../shared/core/region.ts';
import type { TokenSigner } from '../../../../shared/runtime/token-signer.ts';
import { notATransaction } from './transaction-errors.ts';

/** Tells these apart from other texts under the same keys. */
const mark = 'transaction';

export function makeTransactionId(signer: TokenSigner, region: RegionId): string {
  return signer.sign(`${mark} ${region} ${randomUUID()}`);
}

/** The region whose router holds the transaction; throws RequestInvalid. */
export function regionOfTransaction(signer: TokenSigner, id: string): RegionId {
  const [word, name, , ...rest] = signer.verify(id)?.split(' ') ?? [];
  const region = word === mark && rest.length === 0 ? parseRegionId(name ?? '') : null;
  if (region === null) throw notATransaction();
  return region;
}
