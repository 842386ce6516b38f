/**
 * Loaded into Meridian's processes before anything else (`--import`): the wall clock is off by so
 * many milliseconds as the file of the process's region says; the monotonic clock is left alone.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env['MERIDIAN_FAULT_CLOCKS'];
const flag = process.argv.indexOf('--region');
if (folder !== undefined && flag > 0) shiftDate(join(folder, process.argv[flag + 1] ?? ''));

function shiftDate(file: string): void {
  const readEveryMs = 50;
  const RealDate = Date;
  let [readAtMs, offMs] = [-Infinity, 0];
  const now = (): number => {
    if (performance.now() - readAtMs >= readEveryMs) {
      readAtMs = performance.now();
      offMs = readOffset(file);
    }
    return RealDate.now() + offMs;
  };
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, made) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, made) as Date,
    get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
  });
}

function readOffset(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}
