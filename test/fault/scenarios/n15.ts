/** N15: what the old primary has sent to its own log is stored after another region took over. */
import type { Scenario } from '../run/scenario.ts';

/** Longer than the lease, the promotion and everything that a client of the log waits for. */
const heldMs = 30_000;

export const n15: Scenario = {
  id: 'N15',
  title: 'the primary’s broker holds its batch for 30 s and stores it after the promotion',
  promotions: [1, 2],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    // Frozen, it has the batch in its socket, and goes on with it when it thaws.
    const holding = nemesis.freeze(primary, ['kafka'], heldMs);
    await nemesis.promoted(epoch);
    await holding;
  },
};
