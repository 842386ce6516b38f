/**
 * Writes the software bill of materials of a release (CycloneDX, JSON): the npm packages that run
 * in production with their licences and hashes, and Kafka's jars.
 *
 *   node infra/scripts/supply/bill-of-materials.mjs <file>
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFolder } from '../parts.mjs';

/**
 * @typedef {{ 'bom-ref': string, name: string, version: string }} Component
 * @typedef {{ metadata: { component: { name: string, version: string } },
 *   components: Component[], dependencies: { ref: string, dependsOn: string[] }[] }} Bill
 */

/** @returns {Bill} */
export function billOfMaterials() {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const options = { cwd: repositoryFolder, maxBuffer: 64 * 1024 * 1024 };
  /** @type {Bill} */
  const bill = JSON.parse(
    execFileSync('npm', [...args, '--package-lock-only'], options).toString(),
  );
  // npm takes the folder's name.
  bill.metadata.component.name = 'meridian';
  const dropped = new Set(
    bill.components.filter((one) => !isInProduction(one)).map((one) => one['bom-ref']),
  );
  bill.components = bill.components.filter((one) => !dropped.has(one['bom-ref']));
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => !dropped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => !dropped.has(on)) }));
  bill.components.push(...kafkaJars());
  return bill;
}

/** npm's own `--omit=dev` also leaves out what a development package merely uses as well. */
const isInProduction = (() => {
  /** @type {Record<string, { version?: string, dev?: boolean }>} */
  const places = JSON.parse(
    readFileSync(join(repositoryFolder, 'package-lock.json'), 'utf8'),
  ).packages;
  const kept = Object.entries(places).filter(([, { dev }]) => dev !== true);
  const names = kept.map(([place, { version }]) => {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return `${name}@${String(version)}`;
  });
  const known = new Set(names);
  return (/** @type {Component} */ { name, version }) => known.has(`${name}@${version}`);
})();

function kafkaJars() {
  const pinned = readFileSync(join(repositoryFolder, 'infra/kafka/jars.sha256'), 'utf8');
  return pinned
    .trim()
    .split('\n')
    .map((line) => {
      const [content = '', file = ''] = line.split(/\s+/);
      const [, name = file, version = ''] = /^(.+?)-(\d[^/]*)\.jar$/.exec(file) ?? [];
      const hashes = [{ alg: 'SHA-256', content }];
      return { type: 'library', 'bom-ref': file, name, version, hashes, scope: 'required' };
    });
}

const [, program, file] = process.argv;
if (program === import.meta.filename) {
  if (file === undefined) {
    process.stderr.write('usage: bill-of-materials.mjs <file>\n');
    process.exit(2);
  }
  const bill = billOfMaterials();
  writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`);
  process.stderr.write(`${file}: ${String(bill.components.length)} parts\n`);
}
