/**
 * Lines that come by the thousand a second, access lines above all: written by hand in the form
 * of the logger's own, gathered, and put out a few times a second and when the process ends. One
 * that is killed takes the lines of its last quarter of a second with it.
 */
import { createLineWriter, type LineWriter } from './line-writer.ts';
import type { Logger } from './logger.ts';

export interface LineLog {
  /** Whether lines are read by anybody; else `info` need not be called. */
  readonly isOn: boolean;
  /** `fields` is JSON without its braces, not empty; `message` and it are known to be safe. */
  info(fields: string, message: string): void;
  /** Puts out what was gathered; lines that come later are put out as they come. */
  stop(): void;
}

const flushMs = 250;
const gatheredMax = 16_384;

/** Lines with the bindings of `logger`, on standard output as its own. */
export function createLineLog(logger: Logger, writer: LineWriter = createLineWriter(1)): LineLog {
  const isOn = logger.isLevelEnabled('info');
  if (!isOn) return { isOn, info: () => undefined, stop: () => undefined };
  const bindings = JSON.stringify(logger.bindings()).slice(1, -1);
  let gathered = '';
  let isGathering = true;
  let atMs = 0;
  let begin = '';
  const flush = (): void => {
    if (gathered === '') return;
    const lines = gathered;
    gathered = '';
    writer.write(lines);
  };
  const timer = setInterval(flush, flushMs).unref();
  process.on('exit', flush);
  return {
    isOn,
    info(fields, message) {
      const nowMs = Date.now();
      if (nowMs !== atMs) {
        atMs = nowMs;
        begin = `{"level":"info","time":"${new Date(nowMs).toISOString()}",${bindings},`;
      }
      gathered += `${begin}${fields},"msg":"${message}"}\n`;
      if (!isGathering || gathered.length >= gatheredMax) flush();
    },
    stop() {
      flush();
      isGathering = false;
      clearInterval(timer);
      process.removeListener('exit', flush);
    },
  };
}
