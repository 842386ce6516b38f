/** The workloads that run together, by their ids in the fault matrix. */
import type { Workload } from '../run/workload.ts';
import { append } from './append.ts';
import { bank } from './bank.ts';
import { causalPair } from './causal-pair.ts';
import { logOrder } from './log-order.ts';
import { register } from './register.ts';
import { schemaChange } from './schema-change.ts';
import { sessionCounter } from './session-counter.ts';
import { staleness } from './staleness.ts';
import { unconfirmedSet } from './unconfirmed-set.ts';
import { uniqueSet } from './unique-set.ts';

export const clientWorkloads: readonly Workload[] = [
  register,
  bank,
  append,
  uniqueSet,
  sessionCounter,
  causalPair,
  schemaChange,
  staleness,
];

/** W7 reads whole logs at the end, W4a whole reports: too long for `npm test`. */
export const allWorkloads: readonly Workload[] = [...clientWorkloads, unconfirmedSet, logOrder];
