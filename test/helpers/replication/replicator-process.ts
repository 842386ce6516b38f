/**
 * A replicator in a process of its own, to be killed: takes its spec as the first argument and
 * views as lines of JSON on standard input; writes its reports as lines on standard output.
 */
import { createInterface } from 'node:readline';
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { linkIdentityOf } from '../../../shared/config/security.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { fromWireJson, toWireJson } from '../../../shared/http/wire-json.ts';
import { handSecrets, startReplicator, type ReplicatorSpec } from './replicator.ts';

const spec = fromWireJson(process.argv[2] ?? '{}') as ReplicatorSpec;
installLinkIdentity(linkIdentityOf(spec.cluster, handSecrets(spec.region, spec.certified)));
const running = await startReplicator(spec);
running.service.onChange((report) => process.stdout.write(`${toWireJson(report)}\n`));
process.stdout.write(`${toWireJson(running.service.report())}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => running.control.set(fromWireJson(line) as Partial<ClusterView>));
lines.on('close', () => process.exit(0));
