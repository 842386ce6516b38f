/** Where the program writes: data on stdout, talk and progress on stderr, questions on stdin. */
import { createInterface } from 'node:readline/promises';
import { colourPaint, plainPaint, type Paint } from '../core/table.ts';

export interface Terminal {
  /** Data, the program's result. */
  out(text: string): void;
  /** Talk: one line to a person. */
  say(text: string): void;
  /** Replaces the last progress line; without a terminal it is written only when it is `last`. */
  progress(text: string, last?: boolean): void;
  /** The typed answer, or null when nobody can be asked. */
  ask(question: string): Promise<string | null>;
  readonly paint: Paint;
  readonly isInteractive: boolean;
  readonly isOutTerminal: boolean;
}

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The terminal of this process; colour only on a terminal, without NO_COLOR and TERM=dumb. */
export function createTerminal(
  options: { readonly colour: boolean },
  { stdin, stdout, stderr, env }: Streams = process,
): Terminal {
  const mayColour = options.colour && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const hasLiveLine = stderr.isTTY && env['TERM'] !== 'dumb';
  let isLineOpen = false;
  const closeLine = (): void => {
    if (isLineOpen) stderr.write('\r\u001b[K');
    isLineOpen = false;
  };
  return {
    paint: mayColour && stdout.isTTY ? colourPaint : plainPaint,
    isInteractive: stdin.isTTY && stderr.isTTY,
    isOutTerminal: stdout.isTTY,
    out(text) {
      closeLine();
      stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
    say(text) {
      closeLine();
      stderr.write(`${text}\n`);
    },
    progress(text, last = false) {
      if (!hasLiveLine) {
        if (last) stderr.write(`${text}\n`);
        return;
      }
      closeLine();
      const width = Math.max(20, stderr.columns);
      stderr.write(last ? `${text}\n` : [...text].slice(0, width - 1).join(''));
      isLineOpen = !last;
    },
    async ask(question) {
      if (!stdin.isTTY || !stderr.isTTY) return null;
      closeLine();
      const prompt = createInterface({ input: stdin, output: stderr });
      try {
        return (await prompt.question(question)).trim();
      } finally {
        prompt.close();
      }
    },
  };
}
