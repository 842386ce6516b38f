/** How the findings of a preflight look on a terminal. */
import { plainPaint, renderTable, type Colour, type Paint } from '../table.ts';
import { obstaclesOf, type Finding } from './preflight.ts';

const colours: Readonly<Record<Finding['verdict'], Colour>> = {
  ok: 'green',
  note: 'yellow',
  obstacle: 'red',
};

/** One line per check, the fix below what needs one, then the verdict. */
export function renderPreflight(findings: readonly Finding[], paint: Paint = plainPaint): string {
  const columns = [{ title: 'CHECK' }, { title: 'RESULT' }, { title: 'FOUND' }];
  const rows = findings.flatMap(({ check, verdict, found, fix }) => {
    const line = [check, paint(colours[verdict], verdict), found];
    return fix === null ? [line] : [line, ['', '', paint('dim', `→ ${fix}`)]];
  });
  const count = obstaclesOf(findings).length;
  const verdict =
    count === 0
      ? paint('green', 'Nothing stands in the way.')
      : paint('red', `${String(count)} ${count === 1 ? 'obstacle' : 'obstacles'}.`);
  return `${renderTable(columns, rows, paint)}\n${verdict}\n`;
}
