/** The stages of the test run: what each runs, how much of it at once, and its budget. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** How many jobs of a kind run at once; one kind after the other. */
export const lanes = { light: 3, usual: 2, alone: 1 } as const;
export type Lane = keyof typeof lanes;

export interface Job {
  readonly title: string;
  readonly kind: 'script' | 'program' | 'tests';
  /** A package script's name, a program's file, or test files. */
  readonly targets: readonly string[];
  readonly deadlineMs: number;
  readonly lane: Lane;
}

export interface Stage {
  readonly name: string;
  readonly budgetSeconds: number;
  readonly jobs: readonly Job[];
}

export interface Selection {
  readonly isLong: boolean;
  /** Only test files whose path contains one of these; all when empty. */
  readonly filters: readonly string[];
}

const MINUTE_MS = 60_000;
const repositoryFolder = join(import.meta.dirname, '../../..');

const budgetSeconds = {
  typecheck: 60,
  lint: 60,
  'format:check': 60,
  unit: 5,
  property: 15,
  tidy: 60,
  check: 60,
  simulation: 120,
  integration: 360,
  fault: 300,
  bench: 60,
} as const;

export type StageName = keyof typeof budgetSeconds;

/** `npm test`, in this order. */
export const allStages = ['check', 'simulation', 'integration', 'fault', 'bench'] as const;
const checkStages = ['typecheck', 'lint', 'format:check', 'unit', 'property', 'tidy'] as const;

export function isStageName(name: string): name is StageName {
  return Object.hasOwn(budgetSeconds, name);
}

export function planStage(name: StageName, selection: Selection): Stage {
  return { name, budgetSeconds: budgetSeconds[name], jobs: planJobs(name, selection) };
}

function planJobs(name: StageName, selection: Selection): readonly Job[] {
  switch (name) {
    case 'check':
      return checkStages.flatMap((part) => planJobs(part, selection));
    case 'typecheck':
    case 'lint':
    case 'format:check':
      return [
        { title: name, kind: 'script', targets: [name], deadlineMs: 5 * MINUTE_MS, lane: 'light' },
      ];
    case 'unit':
    case 'property':
    case 'tidy':
      return planTogether(name, selection);
    case 'simulation':
    case 'integration':
    case 'fault':
    case 'bench':
      return planOneByOne(name, selection);
  }
}

/** Files without input and output share one process: starting one takes longer than they do. */
function planTogether(name: StageName, selection: Selection): readonly Job[] {
  const targets = listTestFiles(name, selection);
  if (targets.length === 0) return [];
  return [{ title: name, kind: 'tests', targets, deadlineMs: 2 * MINUTE_MS, lane: 'light' }];
}

/** A folder with a program of its own, `run.ts`, decides itself; else each file is a process. */
function planOneByOne(name: StageName, selection: Selection): readonly Job[] {
  const program = join(repositoryFolder, 'test', name, 'run.ts');
  if (existsSync(program)) {
    const deadlineMs = (selection.isLong ? 240 : 15) * MINUTE_MS;
    return [{ title: name, kind: 'program', targets: [program], deadlineMs, lane: 'alone' }];
  }
  return listTestFiles(name, selection).map((file) => planFile(file, selection));
}

/**
 * A file may say in a comment of its own line what is not usual with it, for instance
 * "test: light", "test: alone deadline 300 s".
 */
function planFile(file: string, { isLong }: Selection): Job {
  const [, wishes = ''] = /^\/\/ test: (.+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
  const seconds = Number(/deadline (\d+) s/.exec(wishes)?.[1] ?? 180);
  return {
    title: relative(repositoryFolder, file),
    kind: 'tests',
    targets: [file],
    deadlineMs: seconds * 1000 * (isLong ? 10 : 1),
    lane: laneOf(wishes),
  };
}

function laneOf(wishes: string): Lane {
  if (wishes.includes('alone')) return 'alone';
  return wishes.includes('light') ? 'light' : 'usual';
}

/** Files called `*.long.test.ts` are too long for `npm test`. */
function listTestFiles(name: StageName, { filters, isLong }: Selection): readonly string[] {
  return globSync(`test/${name}/**/*.test.ts`, { cwd: repositoryFolder })
    .filter((file) => isLong || !file.endsWith('.long.test.ts'))
    .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
    .sort()
    .map((file) => join(repositoryFolder, file));
}
