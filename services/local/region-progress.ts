/** Turns what an agent says into steps: what began, what is done, how long it took. */
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import { answersOk } from '../../shared/http/bearer-client.ts';
import { internalOrigin } from '../../shared/runtime/link-security.ts';
import type { AgentState } from './agent-state.ts';

export interface RegionStep {
  readonly region: string;
  /** `kafka`, `redis`, `meridian`, `pg-1`, `pg-2`, `ready`, `stopped`. */
  readonly step: string;
  readonly state: 'working' | 'done' | 'failed';
  /** What is being done or went wrong, in words; `base backup 45 %`. */
  readonly detail: string | null;
  /** Since the region's start. */
  readonly seconds: number;
}

export interface RegionWatch {
  /** Reports what changed; true when the region can serve and all its nodes run. */
  see(state: AgentState): Promise<boolean>;
  /** One sentence on the first thing that is not there yet. */
  whatIsMissing(): string;
}

/** A region that serves but finds no role, as in quarantine, holds nobody up for longer. */
const roleBoundMs = 30_000;

type Seen = Pick<RegionStep, 'state' | 'detail'>;

/** Watches `region` from now on. */
export function watchRegion(region: RegionConfig, onStep: (step: RegionStep) => void): RegionWatch {
  const startedMs = performance.now();
  const seen = new Map<string, Seen>();
  const copies = new Map<string, Copied>();
  let readyMs: number | null = null;
  const report = (step: string, next: Seen): void => {
    const before = seen.get(step);
    if (before?.state === next.state && before.detail === next.detail) return;
    seen.set(step, next);
    const seconds = (performance.now() - startedMs) / 1000;
    const { state, detail } = next;
    const left = copies.get(step)?.secondsLeft ?? null;
    const text = left === null || detail === null ? detail : `${detail}, ${String(left)} s left`;
    onStep({ region: region.id, step, state, detail: text, seconds });
  };
  return {
    async see(state) {
      for (const { id, progress } of state.nodes) {
        const step = stepOf(id);
        const copied = copiedOf(copies.get(step) ?? null, progress, performance.now());
        if (copied === null) copies.delete(step);
        else copies.set(step, copied);
      }
      for (const [step, next] of stepsOf(state)) report(step, next);
      const isDone = [...seen].every(([step, { state: at }]) => step === 'ready' || at === 'done');
      if (!isDone || !(await answers(region, '/health/ready'))) return false;
      readyMs ??= performance.now();
      const isLate = performance.now() - readyMs > roleBoundMs;
      if (!isLate && !(await hasRole(region))) return false;
      report('ready', { state: 'done', detail: null });
      return true;
    },
    whatIsMissing() {
      const missing = [...seen].find(([, { state }]) => state !== 'done');
      if (missing === undefined) return `${region.id} does not say that it is ready.`;
      const [step, { detail }] = missing;
      return `${region.id} is not ready: ${step} ${detail ?? 'is not running'}.`;
    },
  };
}

/** One step for each process and node, in the order in which they come up. */
export function stepsOf(state: AgentState): [string, Seen][] {
  const nodeNames = new Set(state.nodes.map(({ id }) => stepOf(id)));
  const processes = state.processes
    .filter(({ name }) => !nodeNames.has(name))
    .map((process): [string, Seen] => [process.name, seenOf(process.phase, process)]);
  const nodes = state.nodes.map((node): [string, Seen] => {
    const name = stepOf(node.id);
    if (node.adoption?.phase === 'following') {
      return [name, { state: 'working', detail: 'follows the database to adopt' }];
    }
    if (node.operation !== null && node.operation !== 'start') {
      return [name, { state: 'working', detail: `${node.operation}${percentOf(node.progress)}` }];
    }
    if (node.problem !== null) return [name, { state: 'failed', detail: node.problem }];
    return [name, seenOf(node.process, { problem: null, waitsFor: null })];
  });
  return [...processes, ...nodes];
}

function stepOf(nodeId: string): string {
  return nodeId.slice(nodeId.indexOf('/') + 1);
}

/** Where a base backup was when it was first seen, and how long the rest takes at its pace. */
export interface Copied {
  readonly sinceMs: number;
  readonly sinceBytes: number;
  readonly secondsLeft: number | null;
}

/** What is known after another look; null while nothing is copied. */
export function copiedOf(
  before: Copied | null,
  progress: AgentState['nodes'][number]['progress'],
  nowMs: number,
): Copied | null {
  if (progress === null) return null;
  const { doneBytes, totalBytes } = progress;
  if (before === null || doneBytes < before.sinceBytes) {
    return { sinceMs: nowMs, sinceBytes: doneBytes, secondsLeft: null };
  }
  const bytes = doneBytes - before.sinceBytes;
  if (totalBytes === null || bytes === 0) return { ...before, secondsLeft: null };
  const leftMs = ((totalBytes - doneBytes) * (nowMs - before.sinceMs)) / bytes;
  return { ...before, secondsLeft: Math.ceil(leftMs / 1000) };
}

type Process = AgentState['processes'][number];

function seenOf(
  phase: Process['phase'],
  { problem, waitsFor }: Pick<Process, 'problem' | 'waitsFor'>,
): Seen {
  if (phase === 'running') return { state: 'done', detail: null };
  // A problem stays until the restarted process answers.
  if (problem !== null) return { state: 'failed', detail: problem };
  const detail = phase === 'starting' ? (waitsFor ?? 'starting') : 'waiting';
  return { state: 'working', detail };
}

function percentOf(progress: AgentState['nodes'][number]['progress']): string {
  if (progress === null || progress.totalBytes === null || progress.totalBytes === 0) return '';
  const percent = Math.floor((progress.doneBytes / progress.totalBytes) * 10) * 10;
  return ` ${String(percent)} %`;
}

/** Whether the region is the primary, or a replica that serves reads. */
async function hasRole(region: RegionConfig): Promise<boolean> {
  const roles = await Promise.all([answers(region, '/primary'), answers(region, '/replica')]);
  return roles.includes(true);
}

function answers(region: RegionConfig, path: string): Promise<boolean> {
  return answersOk(internalOrigin(region.bind, region.listeners.admin), path).catch(() => false);
}
