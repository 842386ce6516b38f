/**
 * Kafka's jars: copied by Maven as a pom says, compared with the checksums pinned beside it, and
 * only then moved to their place in the cache.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, relative } from 'node:path';
import {
  cacheFolder,
  findJava,
  findMaven,
  isWritableFolder,
  jarListFile,
  kafkaCacheFolder,
  repositoryFolder,
} from './parts.mjs';
import { PrepareError, runQuietly, step } from './step.mjs';

export function installKafkaJars() {
  const pom = join(repositoryFolder, 'infra/kafka/pom.xml');
  step('fetching Kafka', () =>
    fetchJars({ pom, jarList: jarListFile, folder: kafkaCacheFolder() }),
  );
}

/** @param {{ pom: string, jarList: string, folder: string }} what files, and where to */
export function fetchJars({ pom, jarList, folder }) {
  const partFolder = `${folder}.part`;
  rmSync(partFolder, { recursive: true, force: true });
  mkdirSync(partFolder, { recursive: true });
  copyJars(pom, partFolder);
  const problems = compareChecksums(readFileSync(jarList, 'utf8'), hashJars(partFolder));
  if (problems.length > 0) {
    const details = problems.map((problem) => `  ${problem}`).join('\n');
    const list = relative(repositoryFolder, jarList);
    throw new PrepareError(`Kafka's jars are not those of ${list}:\n${details}`);
  }
  renameSync(partFolder, folder);
}

/** @param {string} pom @param {string} outputFolder */
function copyJars(pom, outputFolder) {
  // Maven keeps its repository below the home of the account, whatever HOME says.
  const ownRepository = join(cacheFolder(), 'maven.part');
  const repositoryOption = isWritableFolder(userInfo().homedir)
    ? []
    : [`-Dmaven.repo.local=${ownRepository}`];
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
  const target = `-DoutputDirectory=${outputFolder}`;
  const args = ['--batch-mode', '--quiet', '-f', pom, ...repositoryOption, ...goal, target];
  runQuietly(findMaven() ?? 'mvn', args, {
    env: { ...process.env, JAVACMD: findJava() },
  });
  rmSync(ownRepository, { recursive: true, force: true });
}

/** @param {string} folder @returns {Map<string, string>} */
function hashJars(folder) {
  return new Map(
    readdirSync(folder).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

/**
 * @param {string} list lines as sha256sum prints them
 * @param {ReadonlyMap<string, string>} actual checksum by file name
 * @returns {string[]} what differs
 */
export function compareChecksums(list, actual) {
  /** @type {[string, string][]} */
  const pinned = list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(66), line.slice(0, 64)]);
  const names = new Set(pinned.map(([name]) => name));
  return [
    ...pinned.flatMap(([name, checksum]) => {
      const other = actual.get(name);
      if (other === checksum) return [];
      return [other === undefined ? `${name} is missing` : `${name} has SHA-256 ${other}`];
    }),
    ...[...actual.keys()].filter((name) => !names.has(name)).map((name) => `${name} is not pinned`),
  ];
}
