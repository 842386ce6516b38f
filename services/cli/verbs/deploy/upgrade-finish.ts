/** `meridian upgrade finish`: Kafka's own records take their new form once no node is older. */
import {
  brokerAddress,
  kafkaPlaces,
  type KafkaPlace,
} from '../../../../shared/config/cluster-schema.ts';
import { brokerTls } from '../../../../shared/kafka/broker-tls.ts';
import {
  raiseMetadataVersion,
  readMetadataVersion,
  type QuorumTarget,
} from '../../../../shared/kafka/quorum.ts';
import { installHostResolver } from '../../../../shared/runtime/host-resolver.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { CliError, usageError } from '../../core/cli-error.ts';
import { planMetadata, type MetadataPlan } from '../../core/deploy/metadata-plan.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { confirm } from '../../io/confirm.ts';
import { openCluster, type Context } from '../../io/context.ts';

/** Brokers learn of it from the controllers, within a moment. */
const followBoundMs = 30_000;
const lookEveryMs = 250;

interface Node {
  readonly id: string;
  readonly target: QuorumTarget;
}

export async function finishUpgrade(
  context: Context,
  { yes = false }: { readonly yes?: boolean },
): Promise<ExitCode> {
  const { config, secrets } = openCluster(context);
  if (config.kafka.external !== undefined) {
    throw usageError('An external Kafka is finished by who runs it: kafka.external.');
  }
  installHostResolver(config.hosts);
  const tls = brokerTls(secrets());
  const nodes = kafkaPlaces(config).map((place) => ({
    id: place.id,
    target: targetOf(place, tls),
  }));
  const plan = await look(nodes);
  if (plan.kind === 'refuse') {
    throw new CliError(`Not now: ${plan.why}.`, { exitCode: exitCodes.refused });
  }
  if (plan.kind === 'raise') {
    const change = `Kafka's metadata.version goes from ${plan.from} to ${plan.to}`;
    await confirm(context, {
      plan: `${change}. There is no way back: an older Kafka can then start in no region.`,
      word: 'finish',
      isGiven: yes,
    });
    await raise(nodes, plan.to);
    context.terminal.say(`${change}.`);
  }
  const level = plan.kind === 'raise' ? plan.to : plan.level;
  const { terminal, isJson } = context;
  terminal.out(isJson ? JSON.stringify({ metadataVersion: level }) : textOf(level));
  return exitCodes.done;
}

function textOf(level: number): string {
  return `Every Kafka node works with metadata.version ${String(level)}.`;
}

function targetOf(place: KafkaPlace, tls: QuorumTarget['tls']): QuorumTarget {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(brokerAddress(place)) ?? [];
  return { host, port: Number(port), clientId: 'meridian-upgrade', tls };
}

async function look(nodes: readonly Node[]): Promise<MetadataPlan> {
  const read = async ({ id, target }: Node) => ({
    id,
    version: await readMetadataVersion(target).catch(() => null),
  });
  return planMetadata(await Promise.all(nodes.map(read)));
}

async function raise(nodes: readonly Node[], to: number): Promise<void> {
  const [first] = nodes;
  if (first === undefined) return;
  await raiseMetadataVersion(first.target, to);
  const deadlineMs = performance.now() + followBoundMs;
  while ((await look(nodes)).kind !== 'done') {
    if (performance.now() > deadlineMs) {
      throw new CliError('Kafka took it, but not every node works with it yet.', {
        hint: 'The same command says when all do.',
      });
    }
    await sleep(lookEveryMs);
  }
}
