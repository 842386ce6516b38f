/**
 * Redis, Java and Maven: found on the system, else installed by apt when root, else named
 * together with the command that installs them.
 */
import { commandFor, hasApt, installByApt, isKnownPackage, mayInstall } from './apt.mjs';
import { findJava, findKafkaClasspathFolder, findMaven, findRedisServer } from './parts.mjs';
import { PrepareError } from './step.mjs';

const JAVA_PACKAGE = 'openjdk-17-jre-headless';

/** Maven is needed only as long as Kafka's jars are not in the cache. */
export function missingSystemPackages() {
  return [
    ...(findRedisServer() === undefined ? ['redis-server'] : []),
    ...(findJava() === undefined ? [JAVA_PACKAGE] : []),
    ...(findMaven() === undefined && findKafkaClasspathFolder() === undefined ? ['maven'] : []),
  ];
}

export function installSystemPackages() {
  const missing = missingSystemPackages();
  if (missing.length === 0) return;
  if (!mayInstall()) throw new PrepareError(explain(missing));
  installByApt(missing, availablePackage);
  const stillMissing = missingSystemPackages();
  if (stillMissing.length > 0) throw new PrepareError(explain(stillMissing));
}

/** For jars that are fetched later than Kafka's own. */
export function installMaven() {
  if (findMaven() !== undefined) return;
  if (!mayInstall()) throw new PrepareError(explain(['maven']));
  installByApt(['maven'], availablePackage);
}

/** @param {string[]} missing */
function explain(missing) {
  const names = missing.join(', ');
  if (!hasApt()) return `Missing: ${names}. Install Redis 6, Java 17 and Maven, or newer ones.`;
  return `Missing: ${names}. Install by:\n${commandFor(missing.map(availablePackage))}`;
}

/** Newer distributions no longer have Java 17, their default is newer. */
/** @param {string} name */
function availablePackage(name) {
  if (name !== JAVA_PACKAGE) return name;
  return isKnownPackage(name) ? name : 'default-jre-headless';
}
