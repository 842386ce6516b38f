/** Has a region adopt a database: tells its agent where it is, watches, and says when. */
import { existsSync } from 'node:fs';
import { createAgentClient, type AgentClient } from '../../../local/agent-client.ts';
import {
  adoptedFile,
  toldAdoption,
  writeAdoption,
  type AdoptionSource,
} from '../../../local/postgres/adoption.ts';
import { localRegionPaths, type RegionPaths } from '../../../local/region-paths.ts';
import { isLoopback } from '../../../../shared/config/external-parts.ts';
import type { RegionConfig } from '../../../../shared/config/cluster-schema.ts';
import { ownSessionOptions, withPg } from '../../../../shared/pg/client.ts';
import { quoteIdent } from '../../../../shared/pg/quote.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { nextAdoptionStep, type AdoptionLook } from '../../core/adopt/take-over-plan.ts';
import { CliError } from '../../core/cli-error.ts';
import { exitCodes } from '../../core/exit-code.ts';
import { statusDocument } from '../../core/status-document.ts';
import type { AdminApi } from '../admin-api.ts';
import { dataFolderOf } from '../cluster-files.ts';
import { addressOf, openAdmin, openCluster, regionNamed, type Context } from '../context.ts';

const lookEveryMs = 300;

/** The region whose node begins as the database: the first in priority. */
export interface AdoptingRegion {
  readonly region: RegionConfig;
  readonly paths: RegionPaths;
  /** An earlier run has told the agent already. */
  readonly isBegun: boolean;
}

/** Throws, with the reason, when the files on this host do not fit. */
export function adoptingRegion(
  context: Context,
  source: Pick<AdoptionSource, 'host' | 'port' | 'database'>,
): AdoptingRegion {
  const { config } = openCluster(context);
  const region = regionNamed(config, config.policy.priority[0] ?? '');
  if (source.database !== config.database) {
    const hint = `Set "database: ${source.database}" in the cluster file before the first start.`;
    throw refusal(`The cluster's database is ${config.database}.`, hint);
  }
  if (source.database === 'postgres') {
    throw refusal('The database postgres cannot be adopted.', 'Rename it, under another name.');
  }
  if (!isLoopback(source.host) && source.host !== region.bind) {
    const hint = `Run ${region.id} on that machine, or bring the server to a loopback address.`;
    throw refusal(`${source.host} is not on the machine of ${region.id}.`, hint);
  }
  const paths = localRegionPaths(dataFolderOf(context.options, context.env), region.id);
  const told = toldAdoption(paths);
  if (told !== null && (told.host !== source.host || told.port !== source.port)) {
    const hint = `Name the same server: ${told.host}:${String(told.port)}.`;
    throw refusal(`${region.id} has begun with another server's database.`, hint);
  }
  return { region, paths, isBegun: told !== null };
}

const tooLate = 'A database is adopted before the first start of the first region.';

function refusal(message: string, hint: string): CliError {
  return new CliError(message, { exitCode: exitCodes.refused, hint });
}

/** Resolves when the region is the primary and other regions confirm what is written. */
export async function takeOver(
  context: Context,
  { region, paths }: AdoptingRegion,
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
    for (;;) {
      const now = await look(agent, admin, region);
      const step = nextAdoptionStep(now, { region: region.id, k: config.policy.k });
      if (step.kind === 'raise-durability') {
        return await raiseDurability(context, regionNamed(config, now.primary ?? region.id));
      }
      const words = step.kind === 'wait' ? `waiting for ${step.why}` : 'taking over';
      if (words !== before) context.terminal.say(words);
      before = words;
      if (step.kind === 'take-over') await agent.takeOver(region.nodes[0]?.id ?? '');
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
): Promise<AdoptionLook> {
  const state = await agent.state();
  const node = state?.nodes.find(({ id }) => id === region.nodes[0]?.id) ?? null;
  const { listed, answers } = await admin.regions().catch(() => ({ listed: [], answers: [] }));
  const status = statusDocument(listed, answers);
  return { node, primary: status?.primary ?? null, members: status?.members.length ?? 0 };
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
