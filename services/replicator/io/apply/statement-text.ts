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
  if (isPlainlyAlone(text)) return text;
  await loadSqlParser();
  const statements = parse(text);
  const placed = place === null ? undefined : statements[place - 1];
  if (placed !== undefined) return withoutConcurrently(placed.text);
  const [only] = statements;
  if (statements.length === 1 && only !== undefined) return withoutConcurrently(only.text);
  const tagged = statements.filter((statement) => statement.tag === tag);
  const found = tagged[ordinal % Math.max(1, tagged.length)];
  if (found !== undefined) return withoutConcurrently(found.text);
  throw new MeridianError('Divergence', `no ${tag} is found in the captured statement`, { tag });
}

/** Whether the text is one command, and runs as it is. */
function isPlainlyAlone(text: string): boolean {
  return !text.replace(/;\s*$/, '').includes(';') && !/concurrently/i.test(text);
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

/** CONCURRENTLY is not possible inside a transaction: here nobody else writes. */
function withoutConcurrently(text: string): string {
  if (!/concurrently/i.test(text)) return text;
  const bytes = Buffer.from(text);
  const { tokens } = scanSync(text) as {
    readonly tokens: readonly {
      readonly start: number;
      readonly end: number;
      readonly text: string;
    }[];
  };
  let result = bytes;
  for (const { start, end, text: word } of [...tokens].reverse()) {
    if (word.toLowerCase() !== 'concurrently') continue;
    result = Buffer.concat([result.subarray(0, start), result.subarray(end)]);
  }
  return result.toString('utf8');
}
