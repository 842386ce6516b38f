/** Asks porcupine, a maintained checker, about histories of one register; needs Go. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation } from '../run/history.ts';

export interface Porcupine {
  /** For each history whether it is linearizable; null where the search took too long. */
  check(histories: readonly (readonly Operation[])[]): readonly (boolean | null)[];
  close(): void;
}

/** Builds the program; null where there is no Go, or no module proxy that it reaches. */
export function createPorcupine(): Porcupine | null {
  if (spawnSync('go', ['version']).status !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'meridian-porcupine-'));
  const program = join(folder, 'checker');
  const cwd = join(import.meta.dirname, 'porcupine');
  const built = spawnSync('go', ['build', '-o', program, '.'], { cwd, encoding: 'utf8' });
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  if (built.status !== 0) {
    close();
    return null;
  }
  return { check: (histories) => ask(program, histories), close };
}

function ask(
  program: string,
  histories: readonly (readonly Operation[])[],
): readonly (boolean | null)[] {
  const input = histories.map((history) => `${JSON.stringify(lineOf(history))}\n`).join('');
  const maxBuffer = 64 * 1024 * 1024;
  const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer });
  if (status !== 0) throw new Error(`porcupine: ${stderr}`);
  const verdicts = stdout.trim().split('\n').filter(Boolean);
  if (verdicts.length !== histories.length) throw new Error(`${verdicts.length} verdicts`);
  return verdicts.map((verdict) => (verdict === 'unknown' ? null : verdict === 'true'));
}

/** What nobody learnt anything from is left out: failed operations, reads without an answer. */
function lineOf(history: readonly Operation[]): object[] {
  const clients = new Map<string, number>();
  return history
    .filter(({ name, outcome }) => outcome === 'ok' || (outcome === 'unknown' && name !== 'read'))
    .map(({ client, name, input, output, outcome, startedMs, endedMs }) => {
      // A client goes on after an unknown outcome: that operation is then another client's.
      const who = outcome === 'unknown' ? `${client} ${startedMs}` : client;
      clients.set(who, clients.get(who) ?? clients.size);
      const [expected, wanted] = name === 'cas' ? (input as (number | null)[]) : [null, input];
      return {
        ...{ client: clients.get(who), name, expected, value: wanted ?? 0 },
        ...{ read: name === 'read' ? output : null, swapped: output === true },
        ...{ unknown: outcome === 'unknown', start: startedMs, end: endedMs },
      };
    });
}
