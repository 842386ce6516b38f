/** Ends a process in order on SIGTERM and SIGINT, within a bound. */
import type { Logger } from '../logging/logger.ts';

export interface Shutdown {
  /** Stops in the reverse order of registration. */
  onStop(name: string, stop: () => Promise<void>): void;
  /** Starts the stop, as a signal would. */
  begin(why: string): void;
}

/** Installs the signal handlers; exits 0 after all stops, 1 when `boundMs` passes before. */
export function createShutdown(logger: Logger, boundMs: number): Shutdown {
  const stops: { name: string; stop: () => Promise<void> }[] = [];
  let hasBegun = false;
  const begin = (why: string): void => {
    if (hasBegun) return;
    hasBegun = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => {
      logger.error({ boundMs }, 'stop took too long');
      process.exit(1);
    }, boundMs).unref();
    void runStops().then(() => {
      logger.info('stopped');
      process.exit(0);
    });
  };
  const runStops = async (): Promise<void> => {
    for (const { name, stop } of stops.toReversed()) {
      try {
        await stop();
      } catch (err) {
        logger.warn({ err, part: name }, 'stop failed');
      }
    }
  };
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  return { onStop: (name, stop) => stops.push({ name, stop }), begin };
}
