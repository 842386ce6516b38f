/**
 * Redis, Java and Maven: found on the system, else installed by apt when root, else named
 * together with the command that installs them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { findJava, findKafkaClasspathFolder, findMaven, findRedisServer } from './parts.mjs';
import { PrepareError, runQuietly, step } from './step.mjs';

const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY_ASIDE = '/usr/sbin/policy-rc.d.before-meridian';
const POLICY_MARK = 'written by Meridian';
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
  const hasApt = existsSync('/usr/bin/apt-get');
  if (process.getuid?.() !== 0 || !hasApt) throw new PrepareError(explain(missing, hasApt));
  step('updating the package lists', () => runApt(['update']));
  step(`installing ${missing.join(', ')}`, () => {
    withoutServiceStart(() => {
      runApt(['install', '-y', '--no-install-recommends', ...missing.map(availablePackage)]);
      // Nor is it to start with the machine.
      if (missing.includes('redis-server') && existsSync('/usr/bin/systemctl')) {
        runQuietly('systemctl', ['disable', 'redis-server']);
      }
    });
  });
  const stillMissing = missingSystemPackages();
  if (stillMissing.length > 0) throw new PrepareError(explain(stillMissing, false));
}

/** @param {string[]} missing @param {boolean} hasApt */
function explain(missing, hasApt) {
  if (!hasApt) {
    return `Missing: ${missing.join(', ')}. Install Redis 6, Java 17 and Maven, or newer ones.`;
  }
  const names = missing.map(availablePackage).join(' ');
  const lines = [
    `Missing: ${missing.join(', ')}. Install by:`,
    `  sudo apt-get update && sudo apt-get install --no-install-recommends ${names}`,
  ];
  if (missing.includes('redis-server')) {
    lines.push(
      'The package starts a server of its own, which Meridian does not use. To stop it:',
      '  sudo systemctl disable --now redis-server',
    );
  }
  return lines.join('\n');
}

/** @param {string[]} args */
function runApt(args) {
  runQuietly('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Newer distributions no longer have Java 17, their default is newer. */
/** @param {string} name */
function availablePackage(name) {
  if (name !== JAVA_PACKAGE) return name;
  const isKnown = spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0;
  return isKnown ? name : 'default-jre-headless';
}

/**
 * Debian starts a server as soon as its package is installed, unless this policy forbids it.
 * The policy forbids only while this process lives, so that one left behind does no harm.
 * @param {() => void} action
 */
function withoutServiceStart(action) {
  restorePolicy();
  if (existsSync(POLICY_FILE)) renameSync(POLICY_FILE, POLICY_ASIDE);
  const lines = ['#!/bin/sh', `# ${POLICY_MARK}`, `kill -0 ${process.pid} 2>/dev/null && exit 101`];
  writeFileSync(POLICY_FILE, [...lines, 'exit 0', ''].join('\n'), { mode: 0o755 });
  try {
    action();
  } finally {
    restorePolicy();
  }
}

function restorePolicy() {
  const isOurs = existsSync(POLICY_FILE) && readFileSync(POLICY_FILE, 'utf8').includes(POLICY_MARK);
  if (isOurs) rmSync(POLICY_FILE);
  if (existsSync(POLICY_ASIDE)) renameSync(POLICY_ASIDE, POLICY_FILE);
}
