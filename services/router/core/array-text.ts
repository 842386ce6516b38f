/** PostgreSQL's text form of arrays (manual, section 8.15.6), read and written. */

export type ArrayItem = string | null | readonly ArrayItem[];

/** The items of `text`, nested as written; null when it has explicit bounds or is malformed. */
export function parseArrayText(text: string): readonly ArrayItem[] | null {
  const reader = { text, at: 0 };
  const items = readArray(reader);
  return items === null || reader.at !== text.length ? null : items;
}

interface Reader {
  readonly text: string;
  at: number;
}

/** Arrays nest at most six deep in PostgreSQL, so recursion is bounded. */
function readArray(reader: Reader): ArrayItem[] | null {
  if (reader.text[reader.at] !== '{') return null;
  reader.at += 1;
  const items: ArrayItem[] = [];
  if (reader.text[reader.at] === '}') {
    reader.at += 1;
    return items;
  }
  while (reader.at < reader.text.length) {
    const item = readItem(reader);
    if (item === undefined) return null;
    items.push(item);
    const next = reader.text[reader.at];
    reader.at += 1;
    if (next === '}') return items;
    if (next !== ',') return null;
  }
  return null;
}

function readItem(reader: Reader): ArrayItem | undefined {
  const first = reader.text[reader.at];
  if (first === '{') return readArray(reader) ?? undefined;
  if (first === '"') return readQuoted(reader);
  const end = /[,}]/g;
  end.lastIndex = reader.at;
  const match = end.exec(reader.text);
  if (match === null || match.index === reader.at) return undefined;
  const word = reader.text.slice(reader.at, match.index);
  reader.at = match.index;
  return word === 'NULL' ? null : word.replaceAll(/\\(.)/gs, '$1');
}

function readQuoted(reader: Reader): string | undefined {
  const quoted = /"((?:[^"\\]|\\.)*)"/gsy;
  quoted.lastIndex = reader.at;
  const match = quoted.exec(reader.text);
  if (match?.[1] === undefined) return undefined;
  reader.at = quoted.lastIndex;
  return match[1].replaceAll(/\\(.)/gs, '$1');
}

/** The text form of nested `items`; every string is quoted. */
export function formatArrayText(items: readonly ArrayItem[]): string {
  const parts = items.map((item) => {
    if (item === null) return 'NULL';
    return typeof item === 'string'
      ? `"${item.replaceAll(/(["\\])/g, '\\$1')}"`
      : formatArrayText(item);
  });
  return `{${parts.join(',')}}`;
}
