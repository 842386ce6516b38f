/** Operations in words, for a violation's line. */
import type { Operation } from '../run/history.ts';

export function formatOperation(operation: Operation): string {
  const { name, key, client, region, startedMs, endedMs, outcome, input, output } = operation;
  const times = `${startedMs.toFixed(0)}–${endedMs.toFixed(0)} ms`;
  const values = `${JSON.stringify(input)} → ${JSON.stringify(output)}`;
  return `${name} ${key} by ${client} in ${region}, ${times}, ${outcome}: ${values}`;
}
