/** Has a region adopt a database: tells its agent where it is, watches, and says when. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { createAgentClient, type AgentClient } from '../../../local/agent-client.ts';
import {
  adoptedFile,
  toldAdoption,
  writeAdoption,
  type AdoptionSource,
} from '../../../local/postgres/adoption-source.ts';
import { localRegionPaths, type RegionPaths } from '../../../local/region-paths.ts';
import type { RegionConfig } from '../../../../shared/config/cluster-schema.ts';
import { assert } from '../../../../shared/core/assert.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import { ownSessionOptions, withPg } from '../../../../shared/pg/client.ts';
import { quoteIdent } from '../../../../shared/pg/quote.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import {
  nextAdoptionStep,
  pauseWords,
  type AdoptionLook,
  type PauseTimes,
} from '../../core/adopt/take-over-plan.ts';
import { CliError } from '../../core/cli-error.ts';
import { exitCodes } from '../../core/exit-code.ts';
import { statusDocument } from '../../core/status-document.ts';
import type { AdminApi } from '../admin-api.ts';
import { dataFolderOf } from '../cluster-files.ts';
import {
  addressOf,
  openAdmin,
  openCluster,
  regionNamed,
  urlOf,
  type Context,
  type OpenCluster,
} from '../context.ts';

const lookEveryMs = 300;

/** The region whose node begins as the database: the first in priority. */
export interface AdoptingRegion {
  readonly region: RegionConfig;
  readonly node: NodeId;
  readonly paths: RegionPaths;
  /** An earlier run has told the agent already. */
  readonly isBegun: boolean;
}

/** Throws, with the reason, when the files on this host do not fit. */
export function adoptingRegion(
  context: Context,
  source: Pick<AdoptionSource, 'host' | 'port' | 'database'>,
): AdoptingRegion {
  const cluster = openCluster(context);
  const { config } = cluster;
  const region = regionNamed(config, config.policy.priority[0] ?? '');
  const [node] = region.nodes;
  assert(node !== undefined, 'a region has a node');
  if (!isHostOf(cluster, region.id)) {
    const hint = 'Run it there: the agent of that host makes the copy.';
    throw refusal(`This is not the host of ${region.id}, the first in priority.`, hint);
  }
  if (source.database !== config.database) {
    const hint = `Set "database: ${source.database}" in the cluster file before the first start.`;
    throw refusal(`The cluster's database is ${config.database}.`, hint);
  }
  if (source.database === 'postgres') {
    throw refusal('The database postgres cannot be adopted.', 'Rename it, under another name.');
  }
  const paths = localRegionPaths(dataFolderOf(context.options, context.env), region.id);
  const told = toldAdoption(paths);
  if (told !== null && (told.host !== source.host || told.port !== source.port)) {
    const hint = `Name the same server: ${told.host}:${String(told.port)}.`;
    throw refusal(`${region.id} has begun with another server's database.`, hint);
  }
  return { region, node: node.id, paths, isBegun: told !== null };
}

/** Whether the secrets that are readable here are the region's. */
function isHostOf(cluster: OpenCluster, id: string): boolean {
  try {
    return cluster.secrets(id).region === id;
  } catch (error) {
    if (error instanceof CliError) return false;
    throw error;
  }
}

const tooLate = 'A database is adopted before the first start of the first region.';

function refusal(message: string, hint: string): CliError {
  return new CliError(message, { exitCode: exitCodes.refused, hint });
}

/** Resolves when the region is the primary and other regions confirm what is written. */
export async function takeOver(
  context: Context,
  { region, node, paths }: AdoptingRegion,
  source: AdoptionSource,
): Promise<void> {
  const { config, secrets } = openCluster(context);
  const agent = createAgentClient(region, secrets(region.id).own.agentToken);
  const admin = openAdmin(context, 'admin:viewer');
  try {
    const first = (await look(agent, admin, region)).node;
    if (first?.data !== 'ready') await writeAdoption(paths, source);
    else if (!existsSync(adoptedFile(paths)))
      throw refusal(`${region.id} has a database.`, tooLate);
    let before = '';
    let isAsked = false;
    for (;;) {
      const now = await look(agent, admin, region);
      const step = nextAdoptionStep(now, { region: region.id, k: config.policy.k });
      if (step.kind === 'raise-durability') {
        if (isAsked && now.takenOver !== null) {
          const openedAtMs = await openedAt(context, region).catch(() => null);
          context.terminal.say(pauseWords({ ...now.takenOver, openedAtMs }));
        }
        return await raiseDurability(context, regionNamed(config, now.primary ?? region.id));
      }
      const words = step.kind === 'wait' ? `waiting for ${step.why}` : 'taking over';
      if (words !== before) context.terminal.say(words);
      before = words;
      if (step.kind === 'take-over') {
        await agent.takeOver(node);
        isAsked = true;
      }
      await sleep(lookEveryMs);
    }
  } finally {
    await agent.close();
    await admin.close();
  }
}

async function look(
  agent: AgentClient,
  admin: AdminApi,
  region: RegionConfig,
): Promise<AdoptionLook & { readonly takenOver: Omit<PauseTimes, 'openedAtMs'> | null }> {
  const state = await agent.state();
  const node = state?.nodes.find(({ id }) => id === region.nodes[0]?.id) ?? null;
  const { listed, answers } = await admin.regions().catch(() => ({ listed: [], answers: [] }));
  const status = statusDocument(listed, answers);
  const members = status?.members.length ?? 0;
  const takenOver = node?.takenOver ?? null;
  return { node, primary: status?.primary ?? null, members, takenOver };
}

const firstEpochSchema = z.object({
  items: z.array(z.object({ epoch: z.number(), operationId: z.string().nullable() })),
});
const openingSchema = z.object({
  startedAt: z.string(),
  steps: z.array(z.object({ name: z.string(), atMs: z.number() })),
});

/** When `region` opened the first epoch, to a tenth of a second; null when it does not say. */
async function openedAt(context: Context, region: RegionConfig): Promise<number | null> {
  const endpoint = urlOf(openCluster(context).config, region, 'admin');
  const options = { ...context.options, endpoint };
  const admin = openAdmin({ ...context, options }, 'admin:viewer');
  try {
    return await openedBy(admin);
  } finally {
    await admin.close();
  }
}

async function openedBy(admin: AdminApi): Promise<number | null> {
  const { items } = await admin.get('/admin/history', firstEpochSchema);
  const id = items.find(({ epoch }) => epoch === 1)?.operationId ?? null;
  if (id === null) return null;
  const path = `/admin/operations/${encodeURIComponent(id)}`;
  const { startedAt, steps } = await admin.get(path, openingSchema);
  const opened = steps.find(({ name }) => name === 'opened');
  return opened === undefined ? null : Date.parse(startedAt) + opened.atMs;
}

/** On the primary, as in a database of Meridian's own; open sessions keep what they began with. */
async function raiseDurability(context: Context, region: RegionConfig): Promise<void> {
  const { config, secrets } = openCluster(context);
  const target = {
    ...{ host: addressOf(config, region), port: region.nodes[0]?.port ?? 5432 },
    ...{ database: config.database, user: 'meridian_owner' },
    password: secrets().shared.postgres.owner,
    ...{ applicationName: 'meridian_adopt', options: ownSessionOptions },
  };
  const database = quoteIdent(config.database);
  await withPg(target, (client) =>
    client.query(`ALTER DATABASE ${database} SET synchronous_commit = remote_write`),
  );
}
