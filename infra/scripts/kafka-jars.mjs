/**
 * Kafka's jars: copied by Maven as infra/kafka/pom.xml says, compared with the checksums pinned
 * in infra/kafka/jars.sha256, and only then moved to their place in the cache.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
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
  step('fetching Kafka', () => {
    const partFolder = `${kafkaCacheFolder()}.part`;
    rmSync(partFolder, { recursive: true, force: true });
    mkdirSync(partFolder, { recursive: true });
    copyJars(partFolder);
    const problems = compareChecksums(readFileSync(jarListFile, 'utf8'), hashJars(partFolder));
    if (problems.length > 0) {
      const details = problems.map((problem) => `  ${problem}`).join('\n');
      throw new PrepareError(`Kafka's jars are not those of infra/kafka/jars.sha256:\n${details}`);
    }
    renameSync(partFolder, kafkaCacheFolder());
  });
}

/** @param {string} outputFolder */
function copyJars(outputFolder) {
  // Maven keeps its repository below the home of the account, whatever HOME says.
  const ownRepository = join(cacheFolder(), 'maven.part');
  const repositoryOption = isWritableFolder(userInfo().homedir)
    ? []
    : [`-Dmaven.repo.local=${ownRepository}`];
  const pom = join(repositoryFolder, 'infra/kafka/pom.xml');
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
