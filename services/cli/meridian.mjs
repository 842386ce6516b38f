#!/usr/bin/env node
/**
 * The `meridian` program for any Node 20 or newer: installs what is missing, then hands over to
 * main.ts on the project's own Node. Before the first install it is run as
 * `node services/cli/meridian.mjs`.
 */
import { join } from 'node:path';
import { runWithProjectNode } from '../../infra/scripts/node-child.mjs';
import { prepareNpmPackages } from '../../infra/scripts/npm-packages.mjs';
import { repositoryFolder } from '../../infra/scripts/parts.mjs';
import { prepareServers } from '../../infra/scripts/servers.mjs';
import { orExplain } from '../../infra/scripts/step.mjs';

/** These start servers; every other verb works without them. */
const STARTING_VERBS = new Set(['up', 'region']);

const args = process.argv.slice(2);
orExplain(() => {
  prepareNpmPackages({ withDevelopment: false });
  if (args.some((arg) => STARTING_VERBS.has(arg)) && !args.includes('--help')) prepareServers();
});
runWithProjectNode(join(repositoryFolder, 'services/cli/main.ts'), args);
