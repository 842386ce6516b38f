/** `meridian region up` of a witness: its Kafka node in the foreground. */
import { runWitness } from '../../../local/witness.ts';
import { localRegionPaths } from '../../../local/region-paths.ts';
import type { ClusterBase, KafkaPlace } from '../../../../shared/config/cluster-schema.ts';
import { loadWitnessSecrets } from '../../../../shared/config/load.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import { exitCodes, type ExitCode } from '../../core/exit-code.ts';
import { dataFolderOf, namedSecrets } from '../../io/cluster-files.ts';
import type { Context } from '../../io/context.ts';
import { onStopSignal } from '../../io/stop-signal.ts';

interface WitnessToStart {
  readonly config: ClusterBase;
  readonly witness: KafkaPlace;
  readonly hosts: { readonly hosts?: Readonly<Record<string, string>> };
}

export async function witnessUp(
  context: Context,
  { config, witness, hosts }: WitnessToStart,
): Promise<ExitCode> {
  const { terminal, options, env } = context;
  const paths = localRegionPaths(dataFolderOf(options, env), witness.id);
  const secrets = loadWitnessSecrets(namedSecrets(options, env) ?? paths.secretsFile);
  const stop = onStopSignal();
  const running = await runWitness({ cluster: config, witness, secrets, paths, ...hosts });
  let said = '';
  while (!stop.aborted) {
    const { phase, problem, waitsFor } = running.state();
    const isUp = phase === 'running';
    const now = isUp ? 'votes' : (problem ?? (waitsFor === null ? said : `waits for ${waitsFor}`));
    if (now !== said) terminal.say(`${witness.id} ${now}`);
    said = now;
    await sleep(500, stop);
  }
  await running.stop();
  return exitCodes.done;
}
