/** In which order the regions of a cluster are exchanged, and what has to be in order before. */
import { isNeighbour, isSameProgram } from '../../../../shared/core/control/program-versions.ts';
import type { StatusDocument, StatusRegion } from '../status-document.ts';
import { renderTable } from '../table.ts';
import { blockersOf } from './upgrade-blockers.ts';

/** What the program that plans would bring. */
export interface WantedProgram {
  readonly meridian: string;
  /** The newest rules of the fold that it knows. */
  readonly maxRules: number;
  /** Per region: it may have an installation of its own. Null: not known, and left alone. */
  parts(region: string): { readonly postgres: string | null; readonly kafka: string | null };
}

export type Part = 'meridian' | 'postgres' | 'kafka';

/** What runs in a region, and what should. */
export interface RegionVersions {
  readonly region: string;
  readonly parts: readonly {
    readonly part: Part;
    /** Of each node, each once; empty: it does not say, or does not answer. */
    readonly runs: readonly string[];
    readonly wanted: string | null;
    readonly isDone: boolean;
  }[];
}

export interface UpgradeStep {
  readonly region: string;
  /** The Meridian that runs there; null: it does not say, or does not answer. */
  readonly from: string | null;
  /** What is exchanged. */
  readonly parts: readonly Part[];
  /** What is done before this region is stopped. */
  readonly before: string | null;
}

export interface UpgradePlan {
  readonly to: string;
  /** In the order of the exchange. */
  readonly regions: readonly RegionVersions[];
  /** Regions that run all of it already. */
  readonly done: readonly string[];
  readonly steps: readonly UpgradeStep[];
  /** Nothing is stopped as long as there are any. */
  readonly blockers: readonly string[];
}

/** The primary's region is the last: until then no write waits for a change of primary. */
export function planUpgrade(status: StatusDocument, wanted: WantedProgram): UpgradePlan {
  const isPrimary = ({ id }: StatusRegion): boolean => id === status.primary;
  const others = status.regions.filter((region) => !isPrimary(region));
  const ordered = [...others, ...status.regions.filter(isPrimary)];
  const regions = ordered.map((region) => versionsOf(region, wanted));
  const steps = regions.flatMap(({ region, parts }) => {
    const open = parts.filter(({ isDone }) => !isDone).map(({ part }) => part);
    if (open.length === 0) return [];
    const from = parts[0]?.runs[0] ?? null;
    const before = region === status.primary ? switchover(others, status) : null;
    return [{ region, from, parts: open, before }];
  });
  const stepped = new Set(steps.map(({ region }) => region));
  const done = status.regions.map(({ id }) => id).filter((id) => !stepped.has(id));
  const unfit = regions.flatMap((region) => unfitParts(region));
  const blockers = steps.length === 0 ? [] : [...blockersOf(status, wanted), ...unfit];
  return { to: wanted.meridian, regions, done, steps, blockers };
}

function versionsOf(region: StatusRegion, wanted: WantedProgram): RegionVersions {
  const { postgres, kafka } = wanted.parts(region.id);
  const servers = new Set(region.nodes.flatMap(({ version }) => version ?? []));
  const { version, broker } = region;
  const meridian = version === null ? [] : [version];
  const parts: RegionVersions['parts'] = [
    {
      ...{ part: 'meridian', runs: meridian, wanted: wanted.meridian },
      isDone: version !== null && isSameProgram(version, wanted.meridian),
    },
    partOf('postgres', [...servers].sort(), postgres),
    partOf('kafka', typeof broker?.version === 'string' ? [broker.version] : [], kafka),
  ];
  return { region: region.id, parts };
}

/** One that does not say what it is, or that this program does not bring, is left alone. */
function partOf(
  part: Part,
  runs: readonly string[],
  wanted: string | null,
): RegionVersions['parts'][number] {
  const isDone = wanted === null || runs.every((version) => version === wanted);
  return { part, runs, wanted, isDone };
}

/** Steps that cannot be made in place. */
function unfitParts({ region, parts }: RegionVersions): readonly string[] {
  return parts.flatMap(({ part, runs, wanted }) =>
    runs.flatMap((version) => {
      if (wanted === null) return [];
      if (part === 'meridian' && !isNeighbour(version, wanted)) {
        return [`${region} runs ${version} and this is ${wanted}: only neighbours work together`];
      }
      if (part === 'postgres' && majorOf(version) !== majorOf(wanted)) {
        return [`${region} runs PostgreSQL ${version}: ${wanted} does not take its data over`];
      }
      return [];
    }),
  );
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? '';
}

function switchover(others: readonly StatusRegion[], { members }: StatusDocument): string {
  const ids = others.map(({ id }) => id);
  const target = ids.find((id) => members.includes(id)) ?? ids[0] ?? '<region>';
  return `npx meridian switchover ${target}`;
}

const titles = ['STEP', 'REGION', 'MERIDIAN', 'POSTGRESQL', 'KAFKA', 'BEFORE'];

/** A line a region, in the order of the exchange; below it what is in the way. */
export function renderUpgradePlan({ to, regions, steps, blockers }: UpgradePlan): string {
  const rows = regions.map(({ region, parts }) => {
    const index = steps.findIndex((step) => step.region === region);
    const number = index < 0 ? 'done' : String(index + 1);
    return [number, region, ...parts.map(cellOf), steps[index]?.before ?? '-'];
  });
  const columns = titles.map((title) => ({ title }));
  const head = steps.length === 0 ? `Every region runs ${to}.` : intro(to);
  const end = steps.length === 0 ? [] : endOf(blockers);
  return [head, '', renderTable(columns, rows).trimEnd(), ...end].join('\n');
}

function intro(to: string): string {
  return `To ${to}, one region after the other, each when all others are members again:`;
}

function endOf(blockers: readonly string[]): readonly string[] {
  if (blockers.length === 0) return ['', 'Nothing is in the way.'];
  return ['', 'Not now:', ...blockers.map((blocker) => `  ${blocker}`)];
}

function cellOf({ runs, wanted, isDone }: RegionVersions['parts'][number]): string {
  const now = runs.length === 0 ? 'not known' : runs.join(' and ');
  return isDone || wanted === null ? now : `${now} → ${wanted}`;
}
