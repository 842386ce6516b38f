/** Packages of Debian and Ubuntu: installed when root, and none of them starts a server. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { runQuietly, step } from './step.mjs';

const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY_ASIDE = '/usr/sbin/policy-rc.d.before-meridian';
const POLICY_MARK = 'written by Meridian';
const SERVERS = ['redis-server', 'nginx', 'haproxy'];

export function hasApt() {
  return existsSync('/usr/bin/apt-get');
}

export function mayInstall() {
  return process.getuid?.() === 0 && hasApt();
}

/** @param {string} name */
export function isKnownPackage(name) {
  return spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0;
}

/**
 * `pick` names the package once the lists are new.
 * @param {string[]} names
 * @param {(name: string) => string} [pick]
 */
export function installByApt(names, pick = (name) => name) {
  step('updating the package lists', () => runApt(['update']));
  step(`installing ${names.join(', ')}`, () => {
    withoutServiceStart(() => {
      runApt(['install', '-y', '--no-install-recommends', ...names.map(pick)]);
      // Nor are they to start with the machine.
      const servers = names.filter((name) => SERVERS.includes(name));
      if (servers.length > 0 && existsSync('/usr/bin/systemctl')) {
        runQuietly('systemctl', ['disable', ...servers]);
      }
    });
  });
}

/** @param {string[]} names */
export function commandFor(names) {
  const packages = names.join(' ');
  const lines = [
    `  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages}`,
  ];
  const servers = names.filter((name) => SERVERS.includes(name));
  if (servers.length > 0) {
    lines.push(
      'The packages start servers of their own, which Meridian does not use. To stop them:',
      `  sudo systemctl disable --now ${servers.join(' ')}`,
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
