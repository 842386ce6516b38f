/** PostgreSQL's text form of arrays (manual, section 8.15.6), read. */

/** The elements of `text`, nested as written; explicit bounds are ignored, as `pg` does. */
export function parseArray(text: string, of: (text: string) => unknown): unknown[] {
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  const reader = { text, at: start };
  return readArray(reader, of);
}

interface Reader {
  readonly text: string;
  at: number;
}

function readArray(reader: Reader, of: (text: string) => unknown): unknown[] {
  const items: unknown[] = [];
  reader.at += 1;
  while (reader.at < reader.text.length) {
    const next = reader.text[reader.at];
    if (next === '}') break;
    if (next === ',') reader.at += 1;
    else if (next === '{') items.push(readArray(reader, of));
    else items.push(readItem(reader, of));
  }
  reader.at += 1;
  return items;
}

function readItem(reader: Reader, of: (text: string) => unknown): unknown {
  const isQuoted = reader.text[reader.at] === '"';
  if (isQuoted) reader.at += 1;
  let item = '';
  while (reader.at < reader.text.length) {
    const next = reader.text[reader.at] ?? '';
    if (isQuoted ? next === '"' : next === ',' || next === '}') break;
    if (next === '\\') reader.at += 1;
    item += reader.text[reader.at] ?? '';
    reader.at += 1;
  }
  if (isQuoted) reader.at += 1;
  return !isQuoted && item === 'NULL' ? null : of(item);
}
