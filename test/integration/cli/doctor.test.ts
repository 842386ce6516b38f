// test: light
/** `meridian doctor` before the start: what a host lacks is named with its fix. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { locatePrograms } from '../../../services/local/programs.ts';
import { clusterPaths } from '../../../services/local/region-paths.ts';
import { createCliFolder, type CliFolder } from './cli-run.ts';

let cli: CliFolder;
before(async () => {
  cli = await createCliFolder();
});
after(async () => cli.remove());

test('a host that is fit: one line per check, exit code 0, and who is not there yet', async () => {
  const { code, out, err } = await cli.run(['doctor', 'eu-west']);
  assert.equal(code, 0, `${out}${err}`);
  for (const line of [
    /^ok +node +v24/m,
    /^ok +programs +PostgreSQL 18/m,
    /^ok +ports +\d+ addresses are free$/m,
    /^skipped +parts +not started: npx meridian region up eu-west$/m,
    /^warning +region us-east +does not answer\. Fix: start that region/m,
  ]) {
    assert.match(out, line);
  }
});

test('a taken port fails it, with the address and the fix, in JSON too', async () => {
  const server = createServer().listen(7081, cli.binds[0]);
  await once(server, 'listening');
  try {
    const { code, out } = await cli.run(['doctor', 'eu-west', '--json']);
    const { isFit, findings } = JSON.parse(out) as {
      isFit: boolean;
      findings: { level: string; check: string; found: string; fix: string | null }[];
    };
    const ports = findings.find(({ check }) => check === 'ports');
    assert.deepEqual([code, isFit, ports?.level], [1, false, 'failed']);
    assert.match(ports?.found ?? '', new RegExp(`${cli.binds[0]}:7081 is in use by process`));
    assert.notEqual(ports?.fix, null);
  } finally {
    server.close();
  }
});

test('an installation of PostgreSQL that the region names is checked', async () => {
  const { clusterFile } = clusterPaths(cli.folder);
  const text = readFileSync(clusterFile, 'utf8');
  const link = join(cli.folder, 'postgres-of-the-host');
  symlinkSync(locatePrograms().postgresHome, link);
  const withHome = async (home: string): Promise<string> => {
    const cluster = parse(text) as { regions: object[] };
    const regions = cluster.regions.map((region) => ({ ...region, postgres: { home } }));
    writeFileSync(clusterFile, stringify({ ...cluster, regions }));
    return (await cli.run(['doctor', 'eu-west'])).out;
  };
  try {
    assert.match(await withHome(link), /^ok +programs +PostgreSQL 18 in .*postgres-of-the-host/m);
    const missing = /^failed +programs +PostgreSQL missing in .*Fix: name PostgreSQL 17 or newer/m;
    assert.match(await withHome(cli.folder), missing);
  } finally {
    writeFileSync(clusterFile, text);
  }
});

test('a region that the cluster file does not know is a wrong usage', async () => {
  assert.equal((await cli.run(['doctor', 'nowhere'])).code, 2);
});
