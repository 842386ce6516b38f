/**
 * Installs what is missing on this machine, and does nothing when nothing is. Run by npm before
 * its scripts:
 *
 *   node infra/scripts/prepare.mjs --for start|test|check
 *
 * `check` needs the npm packages only.
 */
import { parseArgs } from 'node:util';
import { prepareNpmPackages } from './npm-packages.mjs';
import { prepareServers } from './servers.mjs';
import { orExplain } from './step.mjs';

const PURPOSES = ['start', 'test', 'check'];

const { values } = parseArgs({ options: { for: { type: 'string' } } });
if (!PURPOSES.includes(values.for ?? '')) {
  process.stderr.write(`usage: prepare.mjs --for ${PURPOSES.join('|')}\n`);
  process.exit(2);
}
orExplain(() => {
  prepareNpmPackages({ withDevelopment: values.for !== 'start' });
  if (values.for !== 'check') prepareServers();
});
