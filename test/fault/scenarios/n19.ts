/** N19: faults that meet a huge transaction and DDL in flight, and a slot that is gone. */
import { eventually } from '../../helpers/eventually.ts';
import { checkAndDropLargeTable, makeLargeTable, writeBatch } from '../run/large-table.ts';
import type { Nemesis } from '../run/nemesis.ts';
import { asOwner } from '../run/owner-session.ts';
import type { Scenario } from '../run/scenario.ts';

export const n19: Scenario = {
  id: 'N19',
  title: 'the primary dies during 100,000 rows and during DDL, then its slot is dropped',
  promotions: [3, 6],
  workloads: ['W3', 'W8'],
  // What was written when the slot was gone is in no log.
  leavesUnlistable: true,
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    const { cluster } = nemesis;
    await makeLargeTable(cluster, await nemesis.primary());
    nemesis.note('a transaction of 100,000 rows');
    await killDuring(nemesis, (region) => writeBatch(cluster, region, 1));
    nemesis.note('an index and a column of a table of 100,000 rows');
    await writeBatch(cluster, await nemesis.primary(), 2);
    await killDuring(nemesis, (region) =>
      cluster
        .query(region, 'ALTER TABLE fault.large ADD COLUMN extra int DEFAULT 7')
        .then(() => cluster.query(region, 'CREATE INDEX ON fault.large (extra)'))
        .catch(() => null),
    );
    await checkAndDropLargeTable(cluster);
    await dropSlot(nemesis);
  },
};

/** Kills the primary region at a random moment of `work`, which was sent through another one. */
async function killDuring(
  nemesis: Nemesis,
  work: (region: string) => Promise<unknown>,
): Promise<void> {
  const { primary, epoch } = await nemesis.view();
  const done = work(nemesis.others(primary)[0] ?? '');
  await nemesis.wait(300 + nemesis.random() * 1500);
  await nemesis.killRegion(primary);
  await nemesis.promoted(epoch);
  await done;
  await nemesis.restart();
  await nemesis.settled();
}

/** A lost slot is named, another region takes over, and the old primary is seeded anew. */
async function dropSlot(nemesis: Nemesis): Promise<void> {
  const { cluster } = nemesis;
  const { primary, epoch } = await nemesis.view();
  const node = await nemesis.leadingNode(primary);
  const at = { region: primary, node };
  const slot = `meridian_${epoch}`;
  await eventually(
    () =>
      asOwner(cluster, at, async (client) => {
        await client.query(
          `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
           WHERE slot_name = '${slot}'`,
        );
        await client.query(`SELECT pg_drop_replication_slot('${slot}')`);
        return true;
      }).catch(() => false),
    { deadlineMs: 20_000 },
  );
  nemesis.note(`the slot ${slot} of ${primary} is dropped`);
  await nemesis.promoted(epoch);
  await eventually(async () => (await whyOf(nemesis, primary)).includes('seeded'), {
    deadlineMs: 60_000,
  });
  nemesis.note(`status: ${primary}: ${await whyOf(nemesis, primary)}`);
  const history = await cluster.admin(nemesis.others(primary)[0] ?? '', '/admin/history');
  if (!JSON.stringify(history['items']).includes(`slot ${slot} is lost`)) {
    throw new Error(`history does not name the slot ${slot}: ${JSON.stringify(history['items'])}`);
  }
}

async function whyOf(nemesis: Nemesis, region: string): Promise<string> {
  const view = await nemesis.view();
  return view.items.find(({ id }) => id === region)?.why ?? '';
}
