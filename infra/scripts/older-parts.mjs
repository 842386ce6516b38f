/**
 * Parts that some long tests run beside the current ones: minor versions to upgrade from, and
 * PostgreSQL 17. Fetched by the first test that asks, as infra/older-parts pins them, and kept in
 * the cache; MERIDIAN_PART_POSTGRES and MERIDIAN_PART_KAFKA take what these functions return.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fetchJars } from './kafka-jars.mjs';
import { withInstallLock } from './install-lock.mjs';
import { cacheFolder, repositoryFolder } from './parts.mjs';
import { runQuietly, step } from './step.mjs';
import { installMaven } from './system-programs.mjs';

const sources = join(repositoryFolder, 'infra/older-parts');
const jarList = join(sources, 'jars.sha256');

/** Folder with Kafka's jars. */
export function olderKafka() {
  const folder = join(cacheFolder(), `older-kafka-${hashOf(jarList)}`);
  once(folder, () => {
    installMaven();
    const pom = join(sources, 'pom.xml');
    step('fetching an older Kafka', () => fetchJars({ pom, jarList, folder }));
  });
  return folder;
}

/**
 * Folder with bin/, lib/ and share/.
 * @param {'17' | '18.1'} version
 */
export function olderPostgres(version) {
  const folder = join(
    cacheFolder(),
    `older-postgres-${hashOf(join(sources, 'package-lock.json'))}`,
  );
  once(folder, () => step('fetching older PostgreSQL', () => installPackages(folder)));
  return join(packageOf(folder, version), 'native');
}

/** @param {string} folder */
function installPackages(folder) {
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(sources, name), join(part, name));
  }
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  runQuietly('npm', ['ci', '--ignore-scripts', '--include=optional', ...quiet], { cwd: part });
  for (const version of ['17', '18.1']) {
    const cwd = packageOf(part, version);
    runQuietly(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd });
  }
  renameSync(part, folder);
}

/** @param {string} folder @param {string} version */
function packageOf(folder, version) {
  const name = `postgres-${version}-${process.platform}-${process.arch}`;
  return join(folder, 'node_modules', name);
}

/** @param {string} folder @param {() => void} install */
function once(folder, install) {
  if (existsSync(folder)) return;
  withInstallLock(join(cacheFolder(), 'install.lock'), () => {
    if (!existsSync(folder)) install();
  });
}

/** @param {string} file another list means another folder */
function hashOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
}
