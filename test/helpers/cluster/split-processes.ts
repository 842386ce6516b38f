/** Writes into a cluster file which services of a region run in processes of their own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { ServiceName } from '../../../shared/config/cluster-schema.ts';

/** Services of each process, by region. */
export type SplitRegions = Readonly<Record<string, readonly (readonly ServiceName[])[]>>;

/** Each process has ports of its own. */
export function splitProcesses(file: string, split: SplitRegions): void {
  if (Object.keys(split).length === 0) return;
  const content = parse(readFileSync(file, 'utf8')) as { regions: Record<string, unknown>[] };
  for (const region of content.regions) {
    const processes = (split[String(region['id'])] ?? []).map((services, index) => {
      const first = 7100 + 10 * index;
      return { services, listeners: { public: first, admin: first + 1, peer: first + 2 } };
    });
    region['processes'] = processes;
  }
  writeFileSync(file, stringify(content));
}
