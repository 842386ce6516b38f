/**
 * PostgreSQL's own parser, libpg-query: WebAssembly, loaded once for a process.
 *
 * V8 would compile its two largest functions (the grammar) anew with the optimising compiler while
 * the first requests arrive: half a gigabyte of memory and some seconds of processor time, for a
 * parser that is no faster by it. From the first load on a process therefore keeps to the baseline
 * code of its WebAssembly; the only other one, undici's HTTP parser, costs the same either way.
 */
import { setFlagsFromString } from 'node:v8';
import { loadModule } from 'libpg-query';

export { parseSync, scanSync } from 'libpg-query';

/** To be awaited before `parseSync` or `scanSync`. */
export async function loadSqlParser(): Promise<void> {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  await loadModule();
}
