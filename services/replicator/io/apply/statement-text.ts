/**
 * Finds the one captured command in the text it stood in, with PostgreSQL's own parser, and gives
 * it the form in which it runs inside the applier's transaction.
 */
import { MeridianError, messageOf } from '../../../../shared/errors/meridian-error.ts';
import { loadSqlParser, parseSync, scanSync } from '../../../../shared/pg/sql-parser.ts';
import { commandTagOf, type StatementNode } from '../../core/command-tag.ts';

interface ParsedText {
  readonly stmts?: readonly {
    readonly stmt: StatementNode;
    readonly stmt_location?: number;
    readonly stmt_len?: number;
  }[];
}

export interface CapturedText {
  readonly text: string;
  readonly tag: string;
  /** How many commands with that tag came before it. */
  readonly ordinal: number;
  /** Number of the statement in the text, from 1; null when only its tag is known. */
  readonly place: number | null;
}

/** The captured command alone; throws Divergence when the text does not hold it. */
export async function commandIn({ text, tag, ordinal, place }: CapturedText): Promise<string> {
  // The parser takes a moment to load: most commands need none.
  if (isPlainlyAlone(text) && !changingWords.test(text)) return text;
  await loadSqlParser();
  const statements = parse(text);
  const placed = place === null ? undefined : statements[place - 1];
  if (placed !== undefined) return inTransaction(placed.text);
  const [only] = statements;
  if (statements.length === 1 && only !== undefined) return inTransaction(only.text);
  const tagged = statements.filter((statement) => statement.tag === tag);
  const found = tagged[ordinal % Math.max(1, tagged.length)];
  if (found !== undefined) return inTransaction(found.text);
  throw new MeridianError('Divergence', `no ${tag} is found in the captured statement`, { tag });
}

/** Texts with these words may not run as they are. */
const changingWords = /concurrently|finalize|drop\s+index/i;

/** Whether the text is one command. */
function isPlainlyAlone(text: string): boolean {
  return !text.replace(/;\s*$/, '').includes(';');
}

function parse(text: string): { readonly text: string; readonly tag: string | null }[] {
  const bytes = Buffer.from(text);
  try {
    const { stmts = [] } = parseSync(text) as unknown as ParsedText;
    return stmts.map(({ stmt, stmt_location: start = 0, stmt_len: length = 0 }) => ({
      // A length of 0 means: to the end.
      text: bytes.subarray(start, length === 0 ? undefined : start + length).toString('utf8'),
      tag: commandTagOf(stmt),
    }));
  } catch (error) {
    throw new MeridianError(
      'Divergence',
      `a captured statement does not parse: ${messageOf(error)}`,
    );
  }
}

/**
 * The form for the applier's transaction. CONCURRENTLY is not possible there, and nobody else
 * writes; what it left half done at the source is whole here, or was never made: a partition is
 * detached at once, an index that is dropped may be missing.
 */
function inTransaction(text: string): string {
  if (!changingWords.test(text)) return text;
  const bytes = Buffer.from(text);
  const { tokens } = scanSync(text) as {
    readonly tokens: readonly {
      readonly start: number;
      readonly end: number;
      readonly text: string;
    }[];
  };
  const words = tokens.map((token) => token.text.toLowerCase());
  const isDrop = words[0] === 'drop' && words[1] === 'index' && !words.includes('exists');
  let result = bytes;
  for (const [index, { start, end }] of [...tokens.entries()].reverse()) {
    const word = words[index];
    const isLeftOut = word === 'concurrently' || (word === 'finalize' && words[0] === 'alter');
    const added = isDrop && index === 1 ? ' IF EXISTS' : '';
    if (!isLeftOut && added === '') continue;
    const before = result.subarray(0, isLeftOut ? start : end);
    result = Buffer.concat([before, Buffer.from(added), result.subarray(end)]);
  }
  return result.toString('utf8');
}
