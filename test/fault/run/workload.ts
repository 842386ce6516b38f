/** What a workload is: tables, clients that go on until they are stopped, a check at the end. */
import type { Cuts } from '../checkers/log-order.ts';
import type { ReportedRow } from '../checkers/reported-loss.ts';
import type { Operation } from './history.ts';
import type { ClusterLogs } from './logs.ts';
import type { Session } from './session.ts';

export interface LoadContext {
  readonly regions: readonly string[];
  /** Of this run alone: for keys that must not meet those of another. */
  readonly prefix: string;
  /** 0 ≤ x < 1, from the run's seed. */
  readonly random: () => number;
  readonly history: Operation[];
  session(id: string): Session;
  /** False once the run ends. */
  isRunning(): boolean;
  /** The pace of a client: resolves after `ms`, at once when the run ends. */
  pace(ms: number): Promise<void>;
}

export interface CheckContext {
  readonly regions: readonly string[];
  /** All rows of a query at one region, read when nothing is written any more. */
  rows(region: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Rows of a table that the divergence reports list. */
  reported(table: string): Promise<readonly ReportedRow[]>;
  /** Where the epochs that have ended did end. */
  cuts(): Promise<Cuts>;
  /** The logs, once they have come to rest. */
  logs(): Promise<ClusterLogs>;
}

export interface Workload {
  readonly id: string;
  /** Statements that make its tables, in schema `fault`. */
  readonly setUp: readonly string[];
  /** Its clients; each resolves after `isRunning` has become false. */
  run(context: LoadContext): readonly Promise<void>[];
  /** One line per violation. */
  check(history: readonly Operation[], context: CheckContext): Promise<readonly string[]>;
}

/** One of `items`. */
export function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}
