/** Processor time and memory of the processes below this one, by what they do for replication. */
import { globSync, readFileSync } from 'node:fs';

export interface ProcessUse {
  readonly cpuMs: number;
  /** Largest resident memory so far; of PostgreSQL's processes what is not shared, now. */
  readonly bytes: number;
}

const parts: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/replicator-process\.ts.*"region":"([a-z-]+)"/, ([, region]) => `replicator ${String(region)}`],
  [/^postgres: walsender meridian_replicator/, () => 'walsender to the replicator'],
  [/^postgres: meridian_applier/, () => 'session of the applier'],
  [/^postgres: walsender meridian_owner/, () => 'walsender to the subscription'],
  [/^postgres: logical replication (?:parallel )?apply worker/, () => 'apply workers'],
  [/kafka\.Kafka/, () => 'kafka'],
];

/** What each part has used so far; parts that several processes play are added up. */
export function processUse(): ReadonlyMap<string, ProcessUse> {
  const parents = new Map<number, number>();
  const found: { readonly pid: number; readonly part: string; readonly use: ProcessUse }[] = [];
  for (const folder of globSync('/proc/[0-9]*')) {
    try {
      const pid = Number(folder.slice('/proc/'.length));
      const stat = readFileSync(`${folder}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(pid, Number(fields[1]));
      const part = partOf(readFileSync(`${folder}/cmdline`, 'utf8').replaceAll('\0', ' '));
      if (part === null) continue;
      // In steps of 10 ms (proc(5), stat).
      const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
      const status = readFileSync(`${folder}/status`, 'utf8');
      const [, kilobytes] =
        (status.startsWith('Name:\tpostgres') ? /RssAnon:\s+(\d+)/ : /VmHWM:\s+(\d+)/).exec(
          status,
        ) ?? [];
      found.push({ pid, part, use: { cpuMs, bytes: Number(kilobytes) * 1024 } });
    } catch {
      // It has just ended.
    }
  }
  const isBelow = (pid: number): boolean =>
    pid === process.pid || (pid > 1 && isBelow(parents.get(pid) ?? 0));
  const uses = new Map<string, ProcessUse>();
  for (const { pid, part, use } of found) {
    if (!isBelow(pid)) continue;
    const { cpuMs = 0, bytes = 0 } = uses.get(part) ?? {};
    uses.set(part, { cpuMs: cpuMs + use.cpuMs, bytes: bytes + use.bytes });
  }
  return uses;
}

/** Processor milliseconds of each part between two looks; one that is new counts whole. */
export function cpuBetween(
  before: ReadonlyMap<string, ProcessUse>,
  after: ReadonlyMap<string, ProcessUse>,
): ReadonlyMap<string, number> {
  return new Map(
    [...after].map(([part, { cpuMs }]) => {
      const earlier = before.get(part)?.cpuMs ?? 0;
      return [part, cpuMs >= earlier ? cpuMs - earlier : cpuMs];
    }),
  );
}

function partOf(command: string): string | null {
  for (const [pattern, name] of parts) {
    const match = pattern.exec(command);
    if (match !== null) return name(match);
  }
  return null;
}
