/**
 * What is next in an adoption: decided anew at each look, so it can be begun again; and how long
 * its take-over took.
 */
import { formatDuration } from '../duration.ts';

export interface AdoptionLook {
  /** What the agent of the region says of its node; null while no agent answers. */
  readonly node: {
    readonly data: string;
    readonly problem: string | null;
    readonly progress: { readonly doneBytes: number; readonly totalBytes: number | null } | null;
    readonly adoption: {
      readonly phase: 'copying' | 'following' | 'taking-over';
      readonly behindBytes: number | null;
    } | null;
  } | null;
  readonly primary: string | null;
  readonly members: number;
}

/** When parts of a take-over were done, in milliseconds since 1970; the last may not be known. */
export interface PauseTimes {
  readonly askedAtMs: number;
  readonly closedAtMs: number;
  readonly promotedAtMs: number;
  readonly wholeAtMs: number;
  readonly openedAtMs: number | null;
}

export type AdoptionStep =
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'take-over' }
  /** The region is the primary; `members` regions confirm. */
  | { readonly kind: 'raise-durability' };

/** So little WAL is replayed in a moment. */
const closeBytes = 1024 * 1024;
const megabyte = 1024 * 1024;

/** `k`: how many regions a confirmed write needs. */
export function nextAdoptionStep(
  look: AdoptionLook,
  { region, k }: { readonly region: string; readonly k: number },
): AdoptionStep {
  const { node, primary, members } = look;
  if (node === null) return wait(`the region: npx meridian region up ${region}`);
  if (node.data === 'ready') {
    if (primary === null) return wait(`${region} to open as the primary`);
    return members < k ? wait('the first copy in another region') : { kind: 'raise-durability' };
  }
  if (node.adoption === null) return wait(node.problem ?? `${region} to begin with the copy`);
  const { phase, behindBytes } = node.adoption;
  if (phase === 'copying') return wait(`the copy${percentOf(node.progress)}`);
  if (phase === 'taking-over') return wait('the copy to take its place');
  if (behindBytes === null || behindBytes > closeBytes) {
    return wait(`the copy, ${String(Math.ceil((behindBytes ?? 0) / megabyte))} MB behind`);
  }
  return { kind: 'take-over' };
}

/** Each part with its time. */
export function pauseWords(times: PauseTimes): string {
  const { askedAtMs, closedAtMs, promotedAtMs, wholeAtMs, openedAtMs } = times;
  const from = (name: string, sinceMs: number, atMs: number): string =>
    `${name} ${formatDuration(Math.max(0, atMs - sinceMs))}`;
  const parts = [
    from('closing the old database', askedAtMs, closedAtMs),
    from('promoting the copy', closedAtMs, promotedAtMs),
    from('completing the tables', promotedAtMs, wholeAtMs),
    ...(openedAtMs === null ? [] : [from('the first epoch', wholeAtMs, openedAtMs)]),
  ];
  const all = from('took over in', askedAtMs, openedAtMs ?? wholeAtMs);
  return `${all}: ${parts.join(', ')}`;
}

function wait(why: string): AdoptionStep {
  return { kind: 'wait', why };
}

function percentOf(progress: NonNullable<AdoptionLook['node']>['progress']): string {
  if (progress === null || progress.totalBytes === null || progress.totalBytes === 0) return '';
  const percent = Math.min(100, Math.floor((progress.doneBytes / progress.totalBytes) * 20) * 5);
  return `, ${String(percent)} %`;
}
