/** Ctrl-C and termination as an AbortSignal. */

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onStopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    controller.abort(signal);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
