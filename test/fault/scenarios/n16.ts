/** N16: operators who ask at once, for what cannot be, and for a pause in which a region dies. */
import { eventually } from '../../helpers/eventually.ts';
import { checkAndDropLargeTable, makeLargeTable, writeBatch } from '../run/large-table.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

const [pauseMs, quietMs] = [25_000, 15_000];
/** What a request may be refused with that another one was faster than. */
const losersCodes = ['OperationRunning', 'NotPrimary', 'RequestInvalid'];

type Answer = Readonly<Record<string, unknown>>;

export const n16: Scenario = {
  id: 'N16',
  title: 'switchovers at once, to a lagging, a seeding region and during a copy; pause, then kill',
  promotions: [3, 5],
  workloads: ['W1', 'W2', 'W4', 'W5'],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    await askAtOnce(nemesis);
    await nemesis.settled();
    await promoteLagging(nemesis);
    await nemesis.settled();
    await promoteSeeding(nemesis);
    await nemesis.settled();
    await killWhilePaused(nemesis);
  },
};

/** Both other regions are asked to take over, twice each: one does, the others say why not. */
async function askAtOnce(nemesis: Nemesis): Promise<void> {
  const { primary, epoch } = await nemesis.view();
  const targets = nemesis.others(primary);
  const asked = [...targets, ...targets].map((to) =>
    nemesis.cluster.admin(to, `/admin/regions/${primary}/failover`, { to }),
  );
  nemesis.note(`switchovers from ${primary}, twice to each other region, at once`);
  const answers = await Promise.all(asked);
  const accepted = answers.filter(({ httpStatus }) => httpStatus === 202);
  const refused = answers.filter(({ httpStatus }) => httpStatus !== 202);
  nemesis.note(`${accepted.length} accepted, ${refused.map(codeOf).join(', ') || 'none'} refused`);
  if (accepted.length === 0) throw new Error(`nobody was heard: ${JSON.stringify(answers)}`);
  expectCodes(refused, losersCodes);
  const { primary: now } = await nemesis.promoted(epoch);
  const ended = await Promise.all(
    [...new Set(accepted.map(({ id }) => String(id)))].map((id) => endOf(nemesis, now, id)),
  );
  const phases = ended.map((operation) => String(operation['phase']));
  nemesis.note(`the accepted ones: ${phases.join(', ')}`);
  if (!phases.includes('done')) throw new Error(`none was done: ${JSON.stringify(ended)}`);
  const { epoch: after } = await nemesis.view();
  const done = phases.filter((phase) => phase === 'done').length;
  if (done !== after - epoch) throw new Error(`${done} done in ${after - epoch} epochs`);
}

/** A region whose PostgreSQL stands still falls behind: nobody may make it the primary. */
async function promoteLagging(nemesis: Nemesis): Promise<void> {
  const { primary } = await nemesis.view();
  const [region = ''] = nemesis.others(primary);
  const thawed = nemesis.freeze(region, ['pg-1', 'pg-2'], 15_000);
  await nemesis.wait(7000);
  const answer = await promote(nemesis, { region, through: primary, kind: 'switchover' });
  await thawed;
  expectCodes([answer], ['RequestInvalid']);
}

/**
 * While its copy is made, which a large table keeps going, a region cannot take over; another one
 * can, and the copy becomes a region of the new epoch.
 */
async function promoteSeeding(nemesis: Nemesis): Promise<void> {
  const { cluster } = nemesis;
  const { primary, epoch } = await nemesis.view();
  const [other = '', region = ''] = nemesis.others(primary);
  await makeLargeTable(cluster, primary);
  await writeBatch(cluster, primary, 1);
  await nemesis.stop(region);
  cluster.deletePostgresData(region);
  await eventually(async () => !(await nemesis.view()).members.includes(region), {
    deadlineMs: 60_000,
  });
  const up = cluster.up().catch(() => undefined);
  await eventually(async () => (await roleOf(nemesis, region)) === 'joining', {
    deadlineMs: 60_000,
    intervalMs: 20,
  });
  const answers: Answer[] = [];
  for (const kind of ['failover', 'switchover'] as const) {
    answers.push(await promote(nemesis, { region, through: primary, kind }));
  }
  expectCodes(answers, ['RequestInvalid']);
  await nemesis.switchover(primary, { to: other });
  await nemesis.promoted(epoch);
  nemesis.note(`${region} is ${await roleOf(nemesis, region)} when ${other} takes over`);
  await up;
  await checkAndDropLargeTable(cluster);
}

/** Nobody takes over while failover is paused; when the pause has passed, somebody does. */
async function killWhilePaused(nemesis: Nemesis): Promise<void> {
  const { cluster } = nemesis;
  const { primary, epoch } = await nemesis.view();
  const [other = ''] = nemesis.others(primary);
  const sinceMs = performance.now();
  const paused = await cluster.admin(other, '/admin/pause', { durationMs: pauseMs });
  const told = await endOf(nemesis, other, String(paused['id']));
  if (!JSON.stringify(told).includes('paused')) throw new Error(JSON.stringify(told));
  nemesis.note(`automatic failover is paused for ${pauseMs} ms`);
  await nemesis.killRegion(primary);
  await nemesis.wait(quietMs);
  const { epoch: now } = await nemesis.view();
  if (now !== epoch) throw new Error(`epoch ${now} began in the pause`);
  await nemesis.promoted(epoch);
  const tookMs = Math.round(performance.now() - sinceMs);
  if (tookMs < pauseMs) throw new Error(`promoted ${tookMs} ms after a pause of ${pauseMs} ms`);
  await nemesis.restart();
}

function promote(
  nemesis: Nemesis,
  asked: { readonly region: string; readonly through: string; readonly kind: string },
): Promise<Answer> {
  const { region, through, kind } = asked;
  nemesis.note(`promote ${region} by ${kind}, asked in ${through}`);
  return nemesis.cluster.admin(through, `/admin/regions/${region}/promote`, { kind });
}

function expectCodes(answers: readonly Answer[], codes: readonly string[]): void {
  const other = answers.filter((answer) => !codes.includes(codeOf(answer)));
  if (other.length > 0) throw new Error(`not ${codes.join(', ')}: ${JSON.stringify(other)}`);
}

function codeOf(answer: Answer): string {
  return answer['httpStatus'] === 202 ? 'accepted' : String(answer['code']);
}

async function roleOf(nemesis: Nemesis, region: string): Promise<string | undefined> {
  return (await nemesis.view()).items.find(({ id }) => id === region)?.role;
}

function endOf({ cluster }: Nemesis, region: string, id: string): Promise<Answer> {
  const ends = ['done', 'abandoned', 'refused'];
  return eventually(
    async () => {
      const told = await cluster.admin(region, `/admin/operations/${id}`).catch(() => null);
      return told !== null && ends.includes(String(told['phase'])) ? told : null;
    },
    { deadlineMs: 60_000 },
  );
}
