/** Wall clocks of Meridian's processes that a scenario moves, region by region. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folderVariable = 'MERIDIAN_FAULT_CLOCKS';

/** The clocks of processes that are started from now on can be moved. */
export function installClocks(): void {
  const program = pathToFileURL(join(import.meta.dirname, 'wall-clock.ts')).href;
  process.env[folderVariable] ??= mkdtempSync(join(tmpdir(), 'meridian-clocks-'));
  process.env['NODE_OPTIONS'] = `--import=${program}`;
}

export function removeClocks(): void {
  delete process.env[folderVariable];
  delete process.env['NODE_OPTIONS'];
}

/** Moves the clock of a region whose processes were started after `installClocks`. */
export function moveClock(region: string, offMs: number): void {
  const folder = process.env[folderVariable];
  if (folder === undefined) throw new Error('the clocks of this cluster cannot be moved');
  writeFileSync(join(folder, region), String(offMs));
}
