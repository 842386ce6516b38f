/** Whether Kafka's quorum is the one of the cluster file, and whether it bears a loss. */
import { failed, ok, warning, type Finding } from './finding.ts';

export interface QuorumFacts {
  readonly leaderId: number;
  readonly voters: readonly { readonly nodeId: number; readonly logEnd: bigint }[];
}

export interface ExpectedVoter {
  readonly id: string;
  readonly nodeId: number;
}

/** Records that a voter may be behind while all is well. */
const behindMax = 1000n;

export function judgeQuorum(facts: QuorumFacts, expected: readonly ExpectedVoter[]): Finding[] {
  const check = 'kafka quorum';
  const nameOf = (nodeId: number): string =>
    expected.find((one) => one.nodeId === nodeId)?.id ?? `node ${String(nodeId)}`;
  const present = new Set(facts.voters.map(({ nodeId }) => nodeId));
  const missing = expected.filter(({ nodeId }) => !present.has(nodeId)).map(({ id }) => id);
  const foreign = facts.voters.filter(
    ({ nodeId }) => !expected.some((one) => one.nodeId === nodeId),
  );
  const end = facts.voters.reduce((most, { logEnd }) => (logEnd > most ? logEnd : most), 0n);
  const behind = facts.voters.filter(({ logEnd }) => end - logEnd > behindMax);
  const findings: Finding[] = [];
  if (missing.length > 0) {
    findings.push(
      failed(
        check,
        `${missing.join(', ')} has no vote`,
        'start it; a vote moves by npx meridian region move-vote',
      ),
    );
  }
  if (foreign.length > 0) {
    const names = foreign.map(({ nodeId }) => nameOf(nodeId)).join(', ');
    findings.push(
      warning(
        check,
        `${names} still votes`,
        'npx meridian region move-vote gives its vote to another region',
      ),
    );
  }
  if (behind.length > 0) {
    const names = behind.map(({ nodeId }) => nameOf(nodeId)).join(', ');
    findings.push(
      warning(check, `${names} is behind`, 'start its Kafka node, or mend its network'),
    );
  }
  if (findings.length > 0) return findings;
  const names = facts.voters.map(({ nodeId }) => nameOf(nodeId)).join(', ');
  return [ok(check, `${names}; ${nameOf(facts.leaderId)} leads`)];
}
