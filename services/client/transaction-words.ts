/** BEGIN, COMMIT and ROLLBACK as applications of `pg` write them. */
import type { BeginOptions } from './client.ts';

export type TransactionWord =
  | { readonly kind: 'begin'; readonly command: 'BEGIN' | 'START'; readonly options: BeginOptions }
  | { readonly kind: 'commit' | 'rollback' };

const isolations = ['read committed', 'repeatable read', 'serializable'] as const;

/** What `sql` says of the transaction it is in; null when it is any other statement. */
export function transactionWordOf(sql: string): TransactionWord | null {
  const words = sql
    .replaceAll(/--[^\n]*|\/\*.*?\*\//gs, ' ')
    .replace(/;\s*$/, '')
    .trim()
    .toLowerCase()
    .split(/\s+|\s*,\s*/);
  const [first, second] = words;
  const isBare = (at: number): boolean =>
    words.length === at ||
    (words.length === at + 1 && /^(work|transaction)$/.test(words[at] ?? ''));
  if (first === 'begin' || (first === 'start' && second === 'transaction')) {
    const hasNoise = second === 'work' || second === 'transaction';
    const options = modesOf(words.slice(hasNoise ? 2 : 1).join(' '));
    if (options === null) return null;
    return { kind: 'begin', command: first === 'begin' ? 'BEGIN' : 'START', options };
  }
  if ((first === 'commit' || first === 'end') && isBare(1)) return { kind: 'commit' };
  if ((first === 'rollback' || first === 'abort') && isBare(1)) return { kind: 'rollback' };
  return null;
}

/** Modes of BEGIN; null for one that is not known: the server then says what it thinks of it. */
function modesOf(text: string): BeginOptions | null {
  let rest = text;
  let options: BeginOptions = {};
  while (rest !== '') {
    const level = isolations.find((one) => rest.startsWith(`isolation level ${one}`));
    const mode = ['isolation level read uncommitted', 'not deferrable', 'read write', 'read only'];
    const word = level === undefined ? mode.find((one) => rest.startsWith(one)) : undefined;
    if (level !== undefined) options = { ...options, isolation: level };
    else if (word === undefined) return null;
    else if (word.startsWith('isolation')) options = { ...options, isolation: 'read committed' };
    else if (word.startsWith('read')) options = { ...options, readOnly: word === 'read only' };
    rest = rest.slice((level === undefined ? word : `isolation level ${level}`)?.length).trim();
  }
  return options;
}
