/**
 * `meridian region give-vote|move-vote`: Kafka's vote of one region, and its copy of the control
 * log, go to another while the others run. Files are made first and brought to the hosts by a
 * person; the new voter's host starts with them, then the vote moves.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import { clusterConfigSchema } from '../../../cluster-config.ts';
import { kafkaPlaces, type ClusterBase } from '../../../../shared/config/cluster-schema.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import {
  addVoter,
  describePlacement,
  describeQuorum,
  placeReplicas,
  removeVoter,
  type QuorumTarget,
} from '../../../../shared/kafka/quorum.ts';
import { controlTopicOf } from '../../../../shared/kafka/topic.ts';
import { installHostResolver } from '../../../../shared/runtime/host-resolver.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { nextVoteStep, planGive, type VoteStep } from '../../core/deploy/vote-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { changedCluster } from '../../io/changed-cluster.ts';
import { openCluster, regionNamed, type Context } from '../../io/context.ts';
import { makeEmptyFolder } from '../../io/empty-folder.ts';
import { quorumTarget } from '../../../../shared/kafka/quorum-target.ts';
import type { Act } from '../../program.ts';

/** Without a step forward for so long, the move is given up; it may be begun again. */
const stepBoundMs = 60_000;
const lookEveryMs = 500;

/** Adds the verbs to the command `region`. */
export function addVoteChanges(region: Command, act: Act): void {
  region
    .command('give-vote <to>')
    .description("a cluster file in which the region has another one's vote in Kafka's quorum")
    .requiredOption('--from <region>', 'the region that gives its vote')
    .requiredOption('--output <folder>', 'a new or empty folder for the file')
    .action(act(giveFile));
  region
    .command('move-vote <to>')
    .description('with that file, on a host of a region: the vote and its control log move')
    .requiredOption('--from <region>', 'the region that gives its vote')
    .addHelpText('after', '\nBegun again it goes on. Exit code 3: a voter is silent.')
    .action(act(moveVote));
}

async function giveFile(
  context: Context,
  to: string,
  options: { readonly from: string; readonly output: string },
): Promise<ExitCode> {
  const { config, clusterFile } = openCluster(context);
  const { from } = options;
  refuseForeign(config);
  const plan = planGive(config, from, to);
  if (plan.kind === 'refused') throw usageError(`${plan.why}.`);
  const document = changedCluster(clusterFile, plan.changes);
  clusterConfigSchema.parse(document.toJS());
  const folder = await makeEmptyFolder(options.output);
  await writeFileWhole(join(folder, 'meridian.yaml'), document.toString());
  const { terminal, isJson } = context;
  const steps = [
    `Written to ${folder}: meridian.yaml for every host.`,
    `With it in place, stop and start ${to}; when it is healthy again, on its host:`,
    `  $ npx meridian region move-vote ${to} --from ${from}`,
    `Then, one after the other: stop and start ${from} with it, reload the others:`,
    '  $ npx meridian region reload <its region>',
  ];
  terminal.out(isJson ? JSON.stringify({ folder, from, to }) : steps.join('\n'));
  return exitCodes.done;
}

function refuseForeign({ kafka }: Pick<ClusterBase, 'kafka'>): void {
  if (kafka.external === undefined) return;
  throw usageError('Votes of an external Kafka are moved by who runs it: kafka.external.');
}

interface Move {
  readonly target: QuorumTarget;
  readonly topic: string;
  readonly from: number;
  readonly to: number;
  /** Where the other controllers reach the new one. */
  readonly controller: { readonly host: string; readonly port: number };
  readonly nameOf: (nodeId: number) => string;
}

async function moveVote(
  context: Context,
  to: string,
  { from }: { readonly from: string },
): Promise<ExitCode> {
  const { config, secrets } = openCluster(context);
  const [giver, taker] = [regionNamed(config, from), regionNamed(config, to)];
  if (giver.kafka.isVoter || !taker.kafka.isVoter) {
    throw usageError(`By this cluster file ${to} does not have the vote of ${from}: give-vote.`);
  }
  installHostResolver(config.hosts);
  const names = new Map(kafkaPlaces(config).map(({ id, kafka }) => [kafka.nodeId, id]));
  const own = secrets();
  const place = { region: regionNamed(config, own.region), secrets: own };
  const { host, kafka } = taker;
  await untilMoved(context, {
    target: quorumTarget(place, 'meridian-votes'),
    topic: controlTopicOf(config.cell),
    ...{ from: giver.kafka.nodeId, to: kafka.nodeId },
    controller: { host, port: kafka.controllerPort },
    nameOf: (nodeId) => names.get(nodeId) ?? `node ${String(nodeId)}`,
  });
  context.terminal.say(`${to} has the vote of ${from}`);
  return exitCodes.done;
}

async function untilMoved(context: Context, move: Move): Promise<void> {
  let before = '';
  let deadlineMs = performance.now() + stepBoundMs;
  for (;;) {
    const step = await look(move);
    if (step.kind === 'done') return;
    if (step.kind === 'refuse') {
      throw new CliError(`No vote is moved: ${step.why}.`, { exitCode: exitCodes.refused });
    }
    const words = wordsOf(step, move);
    if (words !== before) {
      context.terminal.say(words);
      before = words;
      deadlineMs = performance.now() + stepBoundMs;
    }
    const problem = await take(step, move).then(() => null, messageOf);
    if (performance.now() > deadlineMs) {
      throw new CliError(`${words}: nothing moved for a minute${problem ? `, ${problem}` : ''}.`, {
        hint: 'The same command goes on where it stopped.',
      });
    }
    await sleep(lookEveryMs);
  }
}

/** A look that fails is one to wait for: the leader may have changed just now. */
async function look({ target, topic, from, to, nameOf }: Move): Promise<VoteStep> {
  try {
    const quorum = await describeQuorum(target);
    const placement = await describePlacement(target, topic);
    return nextVoteStep({ ...quorum, ...placement }, { from, to }, nameOf);
  } catch (error) {
    return { kind: 'wait', why: `an answer of Kafka (${messageOf(error)})` };
  }
}

function wordsOf(step: VoteStep, { from, to, nameOf }: Move): string {
  switch (step.kind) {
    case 'add-voter':
      return `taking ${nameOf(to)} into the quorum`;
    case 'move-copy':
      return `moving the control log's copy of ${nameOf(from)} to ${nameOf(to)}`;
    case 'remove-voter':
      return `leaving ${nameOf(from)} out of the quorum`;
    case 'wait':
    case 'refuse':
      return `waiting for ${step.why}`;
    case 'done':
      return 'done';
  }
}

async function take(step: VoteStep, { target, topic, controller }: Move): Promise<void> {
  if (step.kind === 'add-voter') await addVoter(target, { ...step.node, ...controller });
  if (step.kind === 'move-copy') await placeReplicas(target, topic, step.replicas);
  if (step.kind === 'remove-voter') await removeVoter(target, step.node);
}
