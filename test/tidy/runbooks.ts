/**
 * The commands of the runbooks: each block names, in a comment before it, the test that runs its
 * verbs, or says why it is not run here.
 */
import type { Command } from 'commander';

export interface CommandBlock {
  readonly runbook: string;
  readonly commands: readonly string[];
  /** The comment before it; null when there is none. */
  readonly mark: Mark | null;
}

export type Mark =
  | { readonly kind: 'run'; readonly file: string; readonly title: string }
  | { readonly kind: 'not-run'; readonly why: string };

/** Every block of shell commands of a runbook. */
export function readBlocks(runbook: string, text: string): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  const lines = text.split('\n').map((line) => line.trim());
  let mark: Mark | null = null;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('<!--')) mark = readMark(line);
    if (line !== '```sh') {
      if (line !== '' && !line.startsWith('<!--')) mark = null;
      continue;
    }
    const end = lines.indexOf('```', at);
    blocks.push({ runbook, commands: lines.slice(at + 1, end), mark });
    at = end;
    mark = null;
  }
  return blocks;
}

function readMark(line: string): Mark | null {
  const run = /^<!-- run by (\S+\.test\.ts): (.+) -->$/.exec(line);
  if (run !== null) return { kind: 'run', file: run[1] ?? '', title: run[2] ?? '' };
  const not = /^<!-- not run here: (.+) -->$/.exec(line);
  return not === null ? null : { kind: 'not-run', why: not[1] ?? '' };
}

/** Words of each `npx meridian` of a command, also inside `$(…)`. */
export function meridianCalls(command: string): string[][] {
  return [...command.matchAll(/npx meridian ([^)"]*)/g)].map(([, words]) =>
    (words ?? '').trim().split(/\s+/),
  );
}

export interface CheckedCall {
  /** As its words, for instance `region up`. */
  readonly verb: readonly string[];
  /** Of the verb itself: those that every verb has say where the files are. */
  readonly options: readonly string[];
  /** What the program does not know. */
  readonly unknown: readonly string[];
}

export function checkCall(program: Command, words: readonly string[]): CheckedCall {
  const verb: string[] = [];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) break;
    verb.push(word);
    command = next;
  }
  const known = new Set(command.options.map(({ long }) => long));
  const shared = new Set(program.options.map(({ long }) => long));
  const flags = words.filter((word) => word.startsWith('--'));
  const options = flags.filter((flag) => known.has(flag));
  const unknown = flags.filter((flag) => !known.has(flag) && !shared.has(flag));
  return { verb, options, unknown: verb.length === 0 ? words.slice(0, 1) : unknown };
}
