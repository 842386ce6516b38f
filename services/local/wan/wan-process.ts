/** The process of the WAN proxies: `node services/local/wan/wan-process.ts <wan.json>`. */
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { createShutdown } from '../../../shared/runtime/shutdown.ts';
import { serveWanControl } from './wan-control.ts';
import { startWanProxy } from './wan-proxy.ts';
import { readWanSettings } from './wan-settings.ts';

const logger = createLogger({ service: 'wan', region: '-', level: 'info' });
const shutdown = createShutdown(logger, 5000);

try {
  const file = process.argv[2] ?? '';
  const settings = readWanSettings(file);
  if (settings === null) throw new Error(`${file} does not exist; npx meridian up --wan makes it.`);
  const proxy = await startWanProxy(settings);
  shutdown.onStop('proxies', () => proxy.close());
  shutdown.onStop('control', await serveWanControl(proxy, settings.control, logger));
  logger.info({ pairs: settings.pairs.length }, 'proxies listen');
} catch (error) {
  logger.error({ why: messageOf(error) }, 'proxies cannot start');
  process.exit(1);
}
