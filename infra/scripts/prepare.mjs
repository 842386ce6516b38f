/**
 * Installs what is missing on this machine, and does nothing when nothing is. Run by npm before
 * its scripts:
 *
 *   node infra/scripts/prepare.mjs --for start|test|bench|check
 *
 * `check` needs the npm packages only, `bench` also what the gateway is compared with.
 */
import { parseArgs } from 'node:util';
import { prepareBenchPrograms, prepareTestClients } from './extra-programs.mjs';
import { prepareNpmPackages } from './npm-packages.mjs';
import { prepareServers } from './servers.mjs';
import { orExplain } from './step.mjs';

const PURPOSES = ['start', 'test', 'bench', 'check'];

const { values } = parseArgs({ options: { for: { type: 'string' } } });
if (!PURPOSES.includes(values.for ?? '')) {
  process.stderr.write(`usage: prepare.mjs --for ${PURPOSES.join('|')}\n`);
  process.exit(2);
}
orExplain(() => {
  prepareNpmPackages({ withDevelopment: values.for !== 'start' });
  if (values.for !== 'check') prepareServers();
  if (values.for === 'test') prepareTestClients();
  if (values.for === 'bench') prepareBenchPrograms();
});
