/** `GET /admin/regions`: what this region knows of the cluster and of every region in it. */
import { programVersion } from '../../../shared/config/program-version.ts';
import { formatPosition } from '../../../shared/core/position.ts';
import { leaseRemainingMs } from '../../../shared/ports/region-control.ts';
import { whatIsMissing } from '../core/operation-view.ts';
import type { ControllerAccess } from './controller-access.ts';
import { historyOf } from './history-json.ts';
import { listRegions } from './region-list.ts';

export async function regionsDocument(access: ControllerAccess): Promise<Record<string, unknown>> {
  const view = access.view();
  return {
    cluster: access.clusterId,
    version: programVersion,
    cell: view.cell,
    epoch: view.epoch,
    primary: view.primary,
    members: view.members.map(({ region }) => region),
    k: view.k,
    policyK: view.policyK,
    rules: rulesOf(access),
    change: changeOf(access),
    lastChange: historyOf(access)[0] ?? null,
    controlLog: await access.controlProblem(),
    // Only its holder knows the lease: the others know when it is over for certain.
    leaseRemainingMs:
      view.leaseValidUntilMs === null ? null : Math.round(leaseRemainingMs(view, access.nowMs())),
    answeredBy: access.region,
    items: listRegions(access),
    next: null,
  };
}

/** The fold's rules in force, and the newest that each region has said that it knows. */
function rulesOf(access: ControllerAccess): Record<string, unknown> {
  const { policy, hellos } = access.state().fold;
  const known = hellos.map(({ region, maxRules }) => [region, maxRules] as const);
  return { inForce: policy?.rules ?? 1, known: Object.fromEntries(known) };
}

/** The change of primary that is under way, with the promises given so far. */
function changeOf(access: ControllerAccess): Record<string, unknown> | null {
  const state = access.state();
  const { prepare } = state.fold;
  if (prepare === null) return null;
  const { epoch, change, attempt, preferred, seals, operation } = prepare;
  return {
    epoch,
    kind: change,
    attempt,
    to: preferred,
    operationId: operation?.id ?? null,
    seals: seals.map(({ region, position, final }) => ({
      region,
      position: formatPosition(position),
      final,
    })),
    waitsFor: whatIsMissing(state),
  };
}
