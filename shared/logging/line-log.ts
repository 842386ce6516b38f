/**
 * Lines that come by the thousand a second, access lines above all: written by hand in the form
 * of the logger's own, gathered, and put out a few times a second.
 */
import { pino } from 'pino';
import type { Logger } from './logger.ts';

export interface LineLog {
  /** False when nobody reads such lines: they need not be made. */
  readonly isOn: boolean;
  /** `fields` is the inside of a JSON object: `"a":1,"b":"x"`. */
  info(fields: string, message: string): void;
  /** Puts out what is gathered. */
  flush(): void;
}

const flushMs = 250;
const gatheredBytes = 8192;

/** Lines with the bindings of `logger`, on standard output as its own. */
export function createLineLog(logger: Logger): LineLog {
  const isOn = logger.isLevelEnabled('info');
  if (!isOn) return { isOn, info: () => undefined, flush: () => undefined };
  const destination = pino.destination({ dest: 1, sync: true, minLength: gatheredBytes });
  const bindings = JSON.stringify(logger.bindings()).slice(1, -1);
  const timer = setInterval(() => destination.flushSync(), flushMs);
  timer.unref();
  process.once('exit', () => destination.flushSync());
  return {
    isOn,
    info(fields, message) {
      const time = new Date().toISOString();
      const head = `{"level":"info","time":"${time}",${bindings},`;
      destination.write(`${head}${fields},"msg":"${message}"}\n`);
    },
    flush: () => destination.flushSync(),
  };
}
