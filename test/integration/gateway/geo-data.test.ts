/** Tables of addresses that are replaced on disk are read while running. */
// test: light
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGeoLocator } from '../../../services/gateway/io/geo-locator.ts';
import { eventually } from '../../helpers/eventually.ts';

test('new tables are read once they rest; broken ones leave the old', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-geo-'));
  const file = join(folder, 'city.dat');
  writeFileSync(file, 'first');
  let country = 'DE';
  let broken: Error | null = null;
  const tables = {
    lookup: () => ({ country }),
    reloadData: (done: (error: Error | null) => void) => done(broken),
  };
  const geo = await createGeoLocator({ tables, file, pollMs: 20 });
  const reloads: (Error | null)[] = [];
  geo.follow((error) => reloads.push(error));
  /** Until it is noticed: the watch may take its first look after the first write. */
  const replace = (): Promise<unknown> => {
    const before = reloads.length;
    const write = (): boolean => {
      if (reloads.length === before) writeFileSync(file, String(performance.now()));
      return reloads.length > before;
    };
    return eventually(write, { intervalMs: 300 });
  };
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'DE' });
  country = 'CH';
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'DE' }, 'from the cache');
  await replace();
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'CH' });
  broken = new Error('no tables');
  await replace();
  assert.equal(reloads.at(-1), broken);
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'CH' });
  geo.stop();
  rmSync(folder, { recursive: true });
});
