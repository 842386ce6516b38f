/**
 * Programs of others that only measure or test: the gateway's peers and wrk for its bench, nghttp
 * and h2load as clients in its tests. Installed by apt when root. Without one, the work goes on and
 * what lacks it says so: a figure that is missed, a test that is skipped.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandFor, installByApt, mayInstall } from './apt.mjs';
import { withInstallLock } from './install-lock.mjs';
import { cacheFolder } from './parts.mjs';
import { PrepareError } from './step.mjs';

const BENCH = { wrk: 'wrk', nginx: 'nginx', haproxy: 'haproxy' };
const CLIENTS = { h2load: 'nghttp2-client' };

export function prepareBenchPrograms() {
  const missing = missingPackages(BENCH);
  if (missing.length > 0) installOrSay(missing);
}

/** Tried once on a machine: a registry that does not answer would hold up each run. */
export function prepareTestClients() {
  const tried = join(cacheFolder(), 'test-clients-tried');
  const missing = missingPackages(CLIENTS);
  if (missing.length === 0 || existsSync(tried)) return;
  mkdirSync(cacheFolder(), { recursive: true });
  writeFileSync(tried, '');
  installOrSay(missing);
}

/** @param {Record<string, string>} packages of each program */
export function missingPackages(packages, folders = programFolders()) {
  return Object.entries(packages)
    .filter(([program]) => !folders.some((folder) => existsSync(join(folder, program))))
    .map(([, name]) => name);
}

/** Servers are below sbin, which users do not have in their PATH. */
function programFolders() {
  const own = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');
  return [...own, '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];
}

/** @param {string[]} names */
function installOrSay(names) {
  try {
    if (!mayInstall()) throw new PrepareError(`Not installed: ${names.join(', ')}.`);
    withInstallLock(join(cacheFolder(), 'install.lock'), () => installByApt(names));
  } catch (error) {
    if (!(error instanceof PrepareError)) throw error;
    const lines = [error.message, 'It goes on without. Install by:', commandFor(names)];
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}
