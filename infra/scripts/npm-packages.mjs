/**
 * npm packages, with them Node 24 and PostgreSQL: installed when what npm recorded as installed
 * differs from the lock file. Install scripts stay off; the only one that is needed makes
 * PostgreSQL's library links and is run here.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findNode, findPostgresPackage, repositoryFolder } from './parts.mjs';
import { withInstallLock } from './install-lock.mjs';
import { PrepareError, runQuietly, step } from './step.mjs';

const programLink = join(repositoryFolder, 'node_modules/.bin/meridian');

/** @param {{ withDevelopment: boolean }} options */
export function prepareNpmPackages(options) {
  const isComplete = () => arePackagesInstalled(options) && areLinksMade();
  if (isComplete()) return;
  withInstallLock(join(repositoryFolder, '.cache/install.lock'), () => {
    if (isComplete()) return;
    if (!arePackagesInstalled(options)) step('installing npm packages', installPackages);
    if (!areLinksMade()) makeLinks();
  });
}

function installPackages() {
  const common = ['--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'];
  // An existing folder is completed in place: programs of a running cluster live in it.
  const isFirst = !existsSync(join(repositoryFolder, 'node_modules'));
  runQuietly('npm', isFirst ? ['ci', ...common] : ['install', '--no-save', ...common], {
    cwd: repositoryFolder,
  });
  if (findNode() !== undefined) return;
  throw new PrepareError(
    `No package of Node 24 for ${process.platform}-${process.arch}; Meridian runs on Linux, ` +
      'x64 or arm64. Name another Node 24 in MERIDIAN_PART_NODE.',
  );
}

/** @param {{ withDevelopment: boolean }} options */
function arePackagesInstalled({ withDevelopment }) {
  const wanted = readPackages(join(repositoryFolder, 'package-lock.json'));
  const installed = readPackages(join(repositoryFolder, 'node_modules/.package-lock.json'));
  if (wanted === undefined || installed === undefined || findNode() === undefined) return false;
  return Object.entries(wanted).every(([place, { version, dev, optional }]) => {
    const actual = installed[place];
    if (actual !== undefined) return actual.version === version;
    return place === '' || optional || (dev && !withDevelopment);
  });
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, dev?: boolean, optional?: boolean }> | undefined}
 */
function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

function areLinksMade() {
  if (!existsSync(programLink)) return false;
  const postgresPackage = findPostgresPackage();
  if (postgresPackage === undefined) return true;
  const linksFile = join(postgresPackage, 'native/pg-symlinks.json');
  /** @type {{ target: string }[]} */
  const links = existsSync(linksFile) ? JSON.parse(readFileSync(linksFile, 'utf8')) : [];
  return links.every(({ target }) => existsSync(join(postgresPackage, target)));
}

function makeLinks() {
  const postgresPackage = findPostgresPackage();
  if (postgresPackage !== undefined) {
    runQuietly(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: postgresPackage });
  }
  // So that `npx meridian` finds the program without asking npm to install it.
  if (existsSync(programLink)) return;
  mkdirSync(join(repositoryFolder, 'node_modules/.bin'), { recursive: true });
  symlinkSync('../../services/cli/meridian.mjs', programLink);
}
