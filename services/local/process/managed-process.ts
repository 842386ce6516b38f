/**
 * One child process that should run: started, watched, restarted with back-off, stopped in order.
 * What it is and what must be true before a start is its `prepare`'s matter.
 */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import { createBackoff, type Backoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { whyNotFree, type ListenAddress } from './address-check.ts';
import { withDeathSignal } from './death-signal.ts';
import { lastLines, openLogFile } from './log-file.ts';
import {
  endProcess,
  identityOf,
  readPidFile,
  removePidFile,
  signalProcess,
  writePidFile,
  type ProcessIdentity,
} from './process-identity.ts';

/** The user that a program runs as; null: this process's own. */
export type RunAs = { readonly uid: number; readonly gid: number } | null;

export interface ProcessSpec {
  readonly program: string;
  /** Of the program; absent or null when it is not known. */
  readonly version?: string | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly runAs: RunAs;
  /** Must be free before the start. */
  readonly addresses: readonly ListenAddress[];
  /** Whether the program answers; asked again until it does. */
  readonly isAnswering: () => Promise<boolean>;
  /** What a program that runs and does not answer yet waits for, in words. */
  readonly describeWait?: () => Promise<string>;
}

export interface ManagedProcessOptions {
  readonly name: string;
  readonly logFile: string;
  readonly pidFile: string;
  /** Signals tried in turn, each for its bound in milliseconds; SIGKILL follows by itself. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopBoundMs: number;
  /** Sent by the kernel when the agent dies. */
  readonly deathSignal: NodeJS.Signals;
  /** Makes the folder ready and says what to run; what it throws is shown and tried again. */
  readonly prepare: () => Promise<ProcessSpec>;
  readonly logger: Logger;
}

export type ProcessPhase = 'stopped' | 'starting' | 'running' | 'failed';

export interface ProcessState {
  readonly name: string;
  readonly phase: ProcessPhase;
  readonly pid: number | null;
  /** Of the program that runs; null when none does, or it is not known. */
  readonly version: string | null;
  readonly restarts: number;
  readonly problem: string | null;
  /** What a started process waits for before it answers. */
  readonly waitsFor: string | null;
  readonly logFile: string;
}

/** After running this long (milliseconds) a process counts as well and its back-off starts anew. */
const stableMs = 10_000;
const answerPollMs = 100;
/** A process that has not answered for this long (milliseconds) is asked what it waits for. */
const describeAfterMs = 4000;

export class ManagedProcess {
  readonly #options: ManagedProcessOptions;
  readonly #backoff: Backoff = createBackoff({ firstMs: 250, maxMs: 10_000 });
  #stopSignal: AbortController | null = null;
  #loop: Promise<void> | null = null;
  #phase: ProcessPhase = 'stopped';
  #identity: ProcessIdentity | null = null;
  #version: string | null = null;
  #restarts = 0;
  #problem: string | null = null;
  #waitsFor: string | null = null;

  constructor(options: ManagedProcessOptions) {
    this.#options = options;
  }

  state(): ProcessState {
    return {
      name: this.#options.name,
      phase: this.#phase,
      pid: this.#identity?.pid ?? null,
      version: this.#identity === null ? null : this.#version,
      restarts: this.#restarts,
      problem: this.#problem,
      waitsFor: this.#phase === 'starting' ? this.#waitsFor : null,
      logFile: this.#options.logFile,
    };
  }

  /** Begins to keep the process running; returns at once. No-op while it is kept running. */
  start(): void {
    if (this.#stopSignal !== null) return;
    this.#stopSignal = new AbortController();
    this.#backoff.reset();
    this.#problem = null;
    this.#phase = 'starting';
    this.#loop = this.#keepRunning(this.#stopSignal.signal);
  }

  /** Sends `signal` to the process that runs, if one does. */
  signal(signal: NodeJS.Signals): void {
    if (this.#identity !== null) signalProcess(this.#identity, signal);
  }

  /** Ends the process and does not start it again; resolves when it is gone. */
  stop(): Promise<void> {
    const { stopSignal, stopBoundMs } = this.#options;
    return this.#end(stopSignal, stopBoundMs);
  }

  /** As `stop`, without waiting for what it still does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL', 0);
  }

  async #end(signal: NodeJS.Signals, boundMs: number): Promise<void> {
    this.#stopSignal?.abort();
    if (this.#identity !== null) await endProcess(this.#identity, signal, boundMs);
    await this.#loop;
    await this.stopLeftover();
    this.#stopSignal = null;
    this.#loop = null;
    this.#phase = 'stopped';
  }

  /** Ends a process that an earlier agent left behind; the start time protects strangers. */
  async stopLeftover(): Promise<void> {
    const { pidFile, stopSignal, stopBoundMs, logger, name } = this.#options;
    const leftover = readPidFile(pidFile);
    if (leftover !== null) {
      logger.warn({ process: name, pid: leftover.pid }, 'stopping a process left behind');
      await endProcess(leftover, stopSignal, stopBoundMs);
    }
    removePidFile(pidFile);
  }

  async #keepRunning(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now();
      const problem = await this.#runOnce(signal).catch(messageOf);
      this.#identity = null;
      if (signal.aborted) return;
      this.#phase = 'failed';
      this.#problem = problem;
      if (performance.now() - startedMs > stableMs) this.#backoff.reset();
      const waitMs = this.#backoff.nextMs();
      const facts = { process: this.#options.name, why: problem, waitMs: Math.round(waitMs) };
      this.#options.logger.warn(facts, 'process ended');
      await sleep(waitMs, signal);
      this.#restarts += 1;
    }
  }

  /** Resolves, once the process has ended, with the reason in words. */
  async #runOnce(signal: AbortSignal): Promise<string> {
    const { pidFile, logFile, name, logger } = this.#options;
    await this.stopLeftover();
    const spec = await this.#options.prepare();
    const occupied = await whyNotFree(spec.addresses);
    if (occupied !== null) throw new Error(occupied);
    if (signal.aborted) return 'stopped';
    this.#phase = 'starting';
    const log = openLogFile(logFile);
    const command = withDeathSignal([spec.program, ...spec.args], this.#options.deathSignal);
    const child = spawn(command[0], command.slice(1), {
      cwd: spec.folder,
      env: { ...spec.env },
      stdio: ['ignore', log, log],
      detached: true,
      ...(spec.runAs ?? {}),
    });
    closeSync(log);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
      child.once('exit', (code, by) => resolve(describeEnd(code, by, lastLines(logFile, 30))));
    });
    this.#identity = child.pid === undefined ? null : identityOf(child.pid);
    this.#version = spec.version ?? null;
    try {
      if (this.#identity !== null) writePidFile(pidFile, this.#identity);
    } catch (error) {
      // On a full disk: a process that no file names would outlive the agent.
      child.kill('SIGKILL');
      await ended;
      throw error;
    }
    logger.info({ process: name, pid: child.pid }, 'process started');
    const stopped = new AbortController();
    void this.#watchAnswer(spec, stopped.signal);
    const why = await ended;
    stopped.abort();
    removePidFile(pidFile);
    return why;
  }

  async #watchAnswer(spec: ProcessSpec, ended: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    this.#waitsFor = null;
    while (!ended.aborted) {
      if (await spec.isAnswering().catch(() => false)) break;
      if (performance.now() - startedMs > describeAfterMs) await this.#describeWait(spec);
      await sleep(answerPollMs, ended);
    }
    if (ended.aborted) return;
    this.#phase = 'running';
    this.#problem = null;
    this.#options.logger.info({ process: this.#options.name }, 'process answers');
  }

  async #describeWait(spec: ProcessSpec): Promise<void> {
    const waitsFor = (await spec.describeWait?.().catch(() => null)) ?? null;
    if (waitsFor !== null && waitsFor !== this.#waitsFor) {
      this.#options.logger.info({ process: this.#options.name, waitsFor }, 'process waits');
    }
    this.#waitsFor = waitsFor;
  }
}

/** How the process ended, with the line of its log that says most about why. */
function describeEnd(code: number | null, by: string | null, log: readonly string[]): string {
  const how = by === null ? `exit code ${String(code)}` : by;
  const line = log.findLast((text) => /error|fatal|panic|cannot|failed/i.test(text)) ?? log.at(-1);
  return `ended with ${how}${line === undefined ? '' : `: ${wordsOf(line).slice(0, 300)}`}`;
}

/** The message of a JSON log line, or the line itself. */
function wordsOf(line: string): string {
  try {
    const { msg, why, err } = JSON.parse(line) as Record<string, unknown>;
    const cause = typeof err === 'object' && err !== null && 'message' in err ? err.message : why;
    return [msg, cause].filter((part) => typeof part === 'string').join(': ');
  } catch {
    return line.trim();
  }
}
