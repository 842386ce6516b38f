/** Reads the ends of log files and what is written to them afterwards. */
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LogSource {
  /** Shown before each line. */
  readonly label: string;
  readonly file: string;
}

export interface TailOptions {
  readonly lines: number;
  readonly follow: boolean;
  readonly onLine: (source: LogSource, line: string) => void;
  readonly signal: AbortSignal;
}

const pollEveryMs = 250;
const tailBytesMax = 256 * 1024;

/** The `.log` files in `folder`, by name; none when there is no such folder. */
export async function logFilesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(folder, name));
}

/** `meridian` of `…/meridian.log`. */
export function processOf(file: string): string {
  return basename(file, '.log');
}

/** Prints the last lines of each file, then, with `follow`, new lines until the signal aborts. */
export async function tailLogs(sources: readonly LogSource[], options: TailOptions): Promise<void> {
  const tails = sources.map((source) => new FileTail(source));
  for (const tail of tails) {
    for (const line of await tail.last(options.lines)) options.onLine(tail.source, line);
  }
  while (options.follow && !options.signal.aborted) {
    for (const tail of tails) {
      for (const line of await tail.more()) options.onLine(tail.source, line);
    }
    await sleep(pollEveryMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

class FileTail {
  readonly source: LogSource;
  #offset = 0;
  #rest = '';

  constructor(source: LogSource) {
    this.source = source;
  }

  async last(count: number): Promise<string[]> {
    const size = await sizeOf(this.source.file);
    this.#offset = Math.max(0, size - tailBytesMax);
    const isCut = this.#offset > 0;
    const lines = await this.more();
    return lines.slice(isCut ? 1 : 0).slice(count === 0 ? lines.length : -count);
  }

  /** Complete lines written since the last call; a file that shrank is read from its start. */
  async more(): Promise<string[]> {
    const size = await sizeOf(this.source.file);
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return [];
    const handle = await open(this.source.file, 'r');
    try {
      const buffer = Buffer.alloc(Math.min(size - this.#offset, 4 * tailBytesMax));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#offset);
      this.#offset += bytesRead;
      const parts = (this.#rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
      this.#rest = parts.pop() ?? '';
      return parts;
    } finally {
      await handle.close();
    }
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (facts) => facts.size,
    () => 0,
  );
}
