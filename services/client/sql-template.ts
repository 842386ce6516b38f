/** SQL by tagged template: values become parameters, never text. */

export interface SqlText {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** A piece of SQL made by `sql` or `identifier`, to be used inside another. */
export class SqlFragment {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];

  constructor(strings: readonly string[], values: readonly unknown[]) {
    this.strings = strings;
    this.values = values;
  }

  /** The statement with `$1`, `$2`, … and the parameters in that order. */
  toStatement(): SqlText {
    const params: unknown[] = [];
    const sql = write(this, params);
    return { sql, params };
  }
}

/** sql`SELECT * FROM city WHERE id = ${id}` */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlFragment {
  return new SqlFragment([...strings], values);
}

/** A quoted identifier, or several joined by dots: identifier('demo', 'city'). */
export function identifier(...names: readonly string[]): SqlFragment {
  return new SqlFragment([names.map((name) => `"${name.replaceAll('"', '""')}"`).join('.')], []);
}

/** Fragments with `separator` between them. */
export function join(fragments: readonly SqlFragment[], separator = ', '): SqlFragment {
  if (fragments.length === 0) return new SqlFragment([''], []);
  const between = Array<string>(fragments.length - 1).fill(separator);
  return new SqlFragment(['', ...between, ''], fragments);
}

function write(fragment: SqlFragment, params: unknown[]): string {
  return fragment.strings.reduce((text, part, index) => {
    if (index === 0) return part;
    const value = fragment.values[index - 1];
    if (value instanceof SqlFragment) return text + write(value, params) + part;
    params.push(value);
    return `${text}$${params.length}${part}`;
  }, '');
}
