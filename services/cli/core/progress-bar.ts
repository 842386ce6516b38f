/** The text of a progress line: a bar when the end is known, counts and time always. */
import { formatDuration } from './duration.ts';

export interface Progress {
  readonly title: string;
  readonly done: number;
  /** Null while the end is unknown. */
  readonly total: number | null;
  readonly elapsedMs: number;
  readonly detail?: string;
}

const barWidth = 24;

/** One line without a line break. */
export function renderProgress(progress: Progress): string {
  const { done, total, elapsedMs } = progress;
  const parts = [progress.title];
  if (total !== null && total > 0) {
    const share = Math.min(1, done / total);
    const filled = Math.round(share * barWidth);
    parts.push(`[${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}]`);
    parts.push(`${String(Math.floor(share * 100)).padStart(3)} %`);
    parts.push(`${groupDigits(done)}/${groupDigits(total)}`);
    if (share > 0.05 && share < 1) {
      parts.push(`${formatDuration((elapsedMs / share) * (1 - share))} left`);
    }
  } else if (done > 0) {
    parts.push(groupDigits(done));
  }
  parts.push(formatDuration(elapsedMs));
  if (progress.detail !== undefined && progress.detail !== '') parts.push(progress.detail);
  return parts.join('  ');
}

/** `171,075`. */
export function groupDigits(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
