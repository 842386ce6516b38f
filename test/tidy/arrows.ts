/** Who may import whom: the arrows of the house style, section 1. */
import { isCore } from './source-tree.ts';
import type { Import } from './imports.ts';

/** From the outside in: a folder imports its own row and the rows after it. */
const sharedLayers = [
  ['pg', 'kafka', 'redis', 'http', 'auth'],
  ['config', 'errors', 'logging', 'metrics', 'runtime'],
  ['ports'],
  ['core'],
];
/** Folders of services/ that are not services, and what else of the repository each may import. */
const companions: Readonly<Record<string, readonly string[]>> = {
  cli: [
    'services/cli/',
    'services/client/',
    'services/local/',
    'services/cluster-config.ts',
    'shared/',
    'infra/scripts/',
  ],
  client: ['services/client/'],
  local: ['services/local/', 'shared/', 'infra/scripts/parts.mjs'],
};
/** What belongs to the process as a whole and not to one service. */
const isRootFile = /^services\/[^/]+\.ts$/;
const serviceRooms = ['core', 'io', 'http', 'wire'];
const clientPackages: readonly (readonly [RegExp, string])[] = [
  [/^pg$|^pg[-/]/, 'shared/pg/'],
  [/^kafkajs$|^@platformatic\/kafka$/, 'shared/kafka/'],
  [/^ioredis$/, 'shared/redis/'],
  [/^fastify$|^@fastify\/|^fastify-/, 'shared/http/'],
];
/** Route files and plugins name Fastify's types. */
const fastifyTypeUsers =
  /^(services\/[^/]+\.ts$|services\/[^/]+\/(http\/|service\.ts$)|shared\/auth\/)|-routes\.ts$/;

/** Why `from` may not import this, or undefined when it may. */
export function judgeImport(from: string, imported: Import): string | undefined {
  const why = imported.isRelative ? judgePath(from, imported.target) : judgePackage(from, imported);
  return why === undefined ? undefined : `${from} → ${imported.target}: ${why}`;
}

function judgePath(from: string, target: string): string | undefined {
  if (from.startsWith('test/')) return undefined;
  if (target.startsWith('test/')) return 'only tests import tests';
  if (isCore(from)) return judgeFromCore(from, target);
  if (from.startsWith('shared/')) return judgeFromShared(from, target);
  if (from.startsWith('services/')) return judgeFromServices(from, target);
  return target.startsWith('infra/') ? undefined : 'infra imports only infra';
}

function judgeFromCore(from: string, target: string): string | undefined {
  const own = from.slice(0, from.indexOf('/core/') + '/core/'.length);
  const isAllowed = target.startsWith(own) || target.startsWith('shared/core/');
  return isAllowed ? undefined : 'core imports only core';
}

function judgeFromShared(from: string, target: string): string | undefined {
  if (!target.startsWith('shared/')) return 'shared imports only shared';
  const fromLayer = sharedLayer(from);
  const targetLayer = sharedLayer(target);
  if (fromLayer < 0) return `no such room as ${from}`;
  return targetLayer >= fromLayer ? undefined : 'the arrow inside shared points the other way';
}

function sharedLayer(path: string): number {
  return sharedLayers.findIndex((row) => row.includes(path.split('/')[1] ?? ''));
}

function judgeFromServices(from: string, target: string): string | undefined {
  if (from === 'services/main.ts') {
    const isAllowed = target.startsWith('services/') || target.startsWith('shared/');
    return isAllowed ? undefined : 'main imports services and shared';
  }
  if (from === 'services/cluster-config.ts') {
    const isAllowed = /^services\/[^/]+\/config\.ts$|^shared\//.test(target);
    return isAllowed ? undefined : 'cluster-config imports config sections and shared';
  }
  if (isRootFile.test(from)) {
    const isAllowed = isRootFile.test(target) || target.startsWith('shared/');
    return isAllowed ? undefined : 'only main sees several services';
  }
  const service = from.split('/')[1] ?? '';
  const allowed = companions[service];
  if (allowed !== undefined) {
    const isAllowed = allowed.some((place) => target.startsWith(place));
    return isAllowed ? undefined : `${service} imports only ${allowed.join(', ')}`;
  }
  if (target.startsWith('shared/')) return undefined;
  const own = `services/${service}/`;
  if (!target.startsWith(own)) return 'a service imports itself and shared';
  return judgeInsideService(from.slice(own.length), target.slice(own.length));
}

/** A service's section of the cluster file, and the parts it is made of. */
const isConfig = /^([a-z]+-)?config(-[a-z]+)?\.ts$/;

function judgeInsideService(from: string, target: string): string | undefined {
  if (isConfig.test(from)) {
    const isAllowed = target.startsWith('core/') || isConfig.test(target);
    return isAllowed ? undefined : 'config imports its parts, core and shared';
  }
  if (!from.includes('/')) return undefined;
  const room = from.split('/')[0] ?? '';
  if (!serviceRooms.includes(room)) return `a service has no room ${room}`;
  const isAllowed =
    target.startsWith(`${room}/`) || target.startsWith('core/') || target === 'config.ts';
  return isAllowed ? undefined : `${room} imports itself, core and config`;
}

function judgePackage(from: string, { target, isTypeOnly }: Import): string | undefined {
  if (isCore(from)) return 'core imports no package';
  if (from.startsWith('services/client/')) return 'client imports nothing but itself';
  if (!from.startsWith('services/') && !from.startsWith('shared/')) return undefined;
  const [, place] = clientPackages.find(([packages]) => packages.test(target)) ?? [];
  if (place === undefined || from.startsWith(place)) return undefined;
  if (place === 'shared/http/' && isTypeOnly && fastifyTypeUsers.test(from)) return undefined;
  return `only ${place} imports it`;
}
