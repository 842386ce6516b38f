/** Aligned tables for a terminal, and the colours in them. Cells may carry colour codes. */

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const codes: Readonly<Record<Colour, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

/** How cells are coloured: for real, or not at all (no terminal, NO_COLOR). */
export type Paint = (colour: Colour, text: string) => string;

export const plainPaint: Paint = (_colour, text) => text;

export const colourPaint: Paint = (colour, text) =>
  text === '' ? '' : `\u001b[${String(codes[colour])}m${text}\u001b[0m`;

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

const escapeSequence = /\u001b\[[0-9;]*m/g;

/** Characters a terminal shows of `text`. */
export function visibleLength(text: string): number {
  return [...text.replaceAll(escapeSequence, '')].length;
}

/** One line per row below the titles, two spaces between columns, nothing behind the last. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint = plainPaint,
): string {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => visibleLength(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const space = ' '.repeat((widths[index] ?? 0) - visibleLength(cell));
        return column.align === 'right' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  const titles = columns.map((column, index) => {
    const space = ' '.repeat((widths[index] ?? 0) - column.title.length);
    const title = paint('bold', column.title);
    return column.align === 'right' ? space + title : title + space;
  });
  return [titles.join('  ').trimEnd(), ...rows.map(line)].join('\n') + '\n';
}
