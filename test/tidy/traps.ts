/** Which of the known traps of replication the tests name: "trap 19", "traps 28, 29". */

/** Numbers of the traps named in titles of tests in `text`. */
export function trapsNamed(text: string): readonly number[] {
  const found: number[] = [];
  for (const [, list = ''] of text.matchAll(/['`(]traps? (\d+(?:, \d+)*)/g)) {
    found.push(...list.split(', ').map(Number));
  }
  return found;
}

/** Traps whose test has a title of its own: the file, and a part of the title. */
export const namedOtherwise: Readonly<Record<number, readonly [file: string, title: string]>> = {
  2: [
    'test/unit/services/replicator/core/transaction-assembler.test.ts',
    'how far decoding has passed counts skipped and empty transactions',
  ],
  3: [
    'test/unit/services/replicator/core/quorum-tracker.test.ts',
    'an older acknowledgement changes nothing',
  ],
  5: ['test/integration/failover/node-effects.test.ts', 'the publication is older than the slot'],
  6: ['test/integration/failover/node-effects.test.ts', 'a slot that waits for a transaction'],
  9: [
    'test/fault/scenarios/n3.ts',
    'the primary’s PostgreSQL is frozen for longer than nodeRecoveryMs',
  ],
  10: [
    'test/unit/services/failover/core/seal-plan.test.ts',
    'a node on another timeline seals only after its tail is in the log',
  ],
  52: ['test/integration/failover/node-effects.test.ts', 'a restarted server is closed again'],
  54: [
    'test/integration/replicator/unconfirmed.long.test.ts',
    'members that apply nothing: K goes down after a while, and up again by itself',
  ],
  55: ['test/fault/scenarios/n7.ts', 'the primary region is partitioned from both others'],
  57: [
    'test/integration/router/thin-path.test.ts',
    'a statement that fails leaves nothing behind and says why',
  ],
  60: [
    'test/fault/scenarios/n19.ts',
    'the primary dies during 100,000 rows and during DDL, then its slot is dropped',
  ],
  61: [
    'test/integration/failover/forced-failover.long.test.ts',
    'regions that come back list what they held, and are seeded anew',
  ],
  62: ['test/unit/services/router/core/node-position.test.ts', 'a standby without the opening'],
  64: [
    'test/integration/failover/node-effects.test.ts',
    'a seal ends sessions and covers every commit before it',
  ],
  68: [
    'test/integration/kafka/data-log.test.ts',
    'a frozen broker delays an append and nothing else',
  ],
  69: ['test/fault/scenarios/n2.ts', 'SIGKILL of a whole secondary region, then its return'],
  70: [
    'test/unit/services/replicator/core/chain-check.test.ts',
    'records beyond a later cut are void, also within a pack',
  ],
  71: [
    'test/integration/failover/node-effects.test.ts',
    'a probe that waits and is released is proof',
  ],
  73: [
    'test/unit/services/replicator/core/chain-check.test.ts',
    'idle records move waits of their own epoch only',
  ],
  74: [
    'test/integration/failover/diverged.test.ts',
    'what lies beyond the cut is listed, in order, with the rows before and after',
  ],
  76: [
    'test/integration/failover/fencing.test.ts',
    'no session survives the promotion of its standby',
  ],
  78: [
    'test/unit/services/failover/core/rejoin/rejoin-plan.test.ts',
    'a promoted node goes on from where its timeline begins',
  ],
  80: [
    'test/unit/services/failover/core/turn/reading.test.ts',
    'a hello of this start makes it run',
  ],
};

/** Traps that no test names yet. */
export const withoutTest: readonly number[] = [];
