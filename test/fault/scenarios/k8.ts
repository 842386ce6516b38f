/** K8: somebody changes the control topic by hand to one that may lose what it acknowledged. */
import { eventually } from '../../helpers/eventually.ts';
import { setControlTopic } from '../run/kafka-roles.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Settings of the topic, wrong and as they must be. */
const settings = [
  ['unclean.leader.election.enable', 'true', 'false'],
  ['min.insync.replicas', '1', '2'],
] as const;

export const k8: Scenario = {
  id: 'K8',
  title: 'unclean election is switched on by hand, then one broker is made to suffice',
  promotions: [0, 4],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 90_000,
  async act(nemesis) {
    for (const [name, wrong, right] of settings) {
      nemesis.note(`${name} becomes ${wrong}`);
      await setControlTopic(nemesis.cluster, name, wrong);
      await told(nemesis, (problems) => problems.includes(name));
      nemesis.note('every region says so');
      // Nobody renews: the primary steps down at the end of its lease, and nobody else can open.
      await eventually(async () => !(await isWritable(nemesis)), { deadlineMs: 30_000 });
      nemesis.note('nothing is confirmed any more');
      await setControlTopic(nemesis.cluster, name, right);
      await told(nemesis, (problems) => problems === '');
      await eventually(() => isWritable(nemesis), { deadlineMs: 60_000 });
      nemesis.note('writes are confirmed again');
    }
  },
};

/** Resolves when what every region says of its topics is as `matches` wants it. */
async function told(nemesis: Nemesis, matches: (problems: string) => boolean): Promise<void> {
  await eventually(
    async () => {
      const said = await Promise.all(nemesis.regions.map((id) => topicProblems(nemesis, id)));
      return said.every(matches);
    },
    { deadlineMs: 10_000, intervalMs: 200 },
  );
}

/** What the region's readiness says of its topics; empty when they are as they must be. */
async function topicProblems({ cluster }: Nemesis, region: string): Promise<string> {
  const { checks } = await cluster.admin(region, '/health/ready');
  const topics = (checks as Check[]).find(({ name }) => name === 'topics');
  return topics?.ok === true ? '' : (topics?.detail ?? 'not told');
}

async function isWritable({ cluster, regions }: Nemesis): Promise<boolean> {
  const sql = 'CREATE TABLE IF NOT EXISTS fault.probe (id int)';
  const answer = await cluster.query(regions[0] ?? '', sql).catch(() => null);
  return answer?.status === 200;
}
