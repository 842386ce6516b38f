/** W7: no client of its own; reads the logs that all the others have filled. */
import { findControlViolations, findLogViolations } from '../checkers/log-order.ts';
import type { Workload } from '../run/workload.ts';

export const logOrder: Workload = {
  id: 'W7',
  setUp: [],
  run: () => [],
  async check(_history, context) {
    const { logs, cuts, control } = await context.logs();
    return [...findLogViolations(logs, cuts), ...findControlViolations(control)];
  },
};
