/**
 * What an operator asks for, checked before a record is written: refused with a reason and what to
 * do next, or the record to append. Used for dry runs too: it changes nothing.
 */
import type { PrepareRecord } from '../../../../shared/core/control/control-record.ts';
import { revocationsMax } from '../../../../shared/core/control/control-labels.ts';
import { judgePrepare } from '../../../../shared/core/control/control-promotion.ts';
import { nextEpoch } from '../../../../shared/core/epoch.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { switchoverTarget } from '../candidate-choice.ts';
import type { OperatorRequest } from '../controller-input.ts';
import type { ControllerState } from '../controller-state.ts';
import { isPeerLive } from '../situation.ts';
import { otherChange } from './other-change.ts';
import { checkRegionChange } from './region-change.ts';
import { refused, refusedUnopened, type Preflight, type Refusal } from './refusal.ts';
import { unfitness, unfitRules } from './target-fitness.ts';

type ChangeRequest = Extract<OperatorRequest, { kind: 'change' }>;

/** Checks `request` against what this region knows now. */
export function preflight(state: ControllerState, request: OperatorRequest): Preflight {
  if (state.kind !== 'running') {
    return refused('NotPrimary', 'this region has not read the control log to its end yet', {
      hint: 'ask again in a few seconds, or ask another region',
    });
  }
  if (request.kind === 'pause') {
    const { durationMs, operation } = request;
    return {
      kind: 'ready',
      record: { kind: 'pause', durationMs, operation },
      operationId: operation.id,
    };
  }
  if (request.kind === 'audit') {
    return { kind: 'ready', record: request, operationId: request.operation.id };
  }
  if (request.kind === 'revoke') return checkRevoke(state, request);
  if (request.kind === 'region') return checkRegionChange(state, request);
  if (request.kind === 'traffic') return checkTraffic(state, request);
  return checkChange(state, request);
}

function checkRevoke(
  state: ControllerState,
  request: Extract<OperatorRequest, { kind: 'revoke' }>,
): Preflight {
  const { revocation, operation } = request;
  const inForce = state.fold.revoked.filter(({ untilMs }) => untilMs > operation.atMs);
  if (inForce.length >= revocationsMax) {
    return refused('RequestInvalid', `${String(inForce.length)} revocations are in force`, {
      hint: 'revoke by subject, or replace the signing key: it ends every token that it signed',
    });
  }
  const record = { kind: 'revoke', revocation, atMs: operation.atMs, operation } as const;
  return { kind: 'ready', record, operationId: operation.id };
}

function checkTraffic(
  state: ControllerState,
  request: Extract<OperatorRequest, { kind: 'traffic' }>,
): Preflight {
  const { region, isAccepting, operation } = request;
  if (state.fold.policy?.regions.includes(region) !== true) {
    return refused('RequestInvalid', `${region} is not a region of this cluster`, {
      hint: 'see `npx meridian regions list`',
    });
  }
  const record = { kind: 'traffic', region, isAccepting, operation } as const;
  return { kind: 'ready', record, operationId: operation.id };
}

function checkChange(state: ControllerState, request: ChangeRequest): Preflight {
  const { fold } = state;
  const { operation } = request;
  const running = fold.prepare?.operation ?? null;
  const isSame = running?.id === operation.id;
  if (fold.policy === null || fold.epoch === 0) {
    return refusedUnopened();
  }
  if (request.to !== null && !fold.policy.regions.includes(request.to)) {
    return refused('RequestInvalid', `${request.to} is not a region of this cluster`, {
      hint: `one of ${fold.policy.regions.join(', ')}`,
    });
  }
  // While it waits for seals, a further request is a further attempt of the running operation.
  const isAttempt = fold.prepare !== null && changes(fold.prepare, request);
  if (fold.prepare !== null && !isSame && !isAttempt) {
    return refused('OperationRunning', 'a change of primary is under way', {
      hint: 'wait for it, or ask with another kind, target or force to change it',
      operationId: running?.id ?? null,
    });
  }
  const other = fold.prepare === null ? otherChange(state) : null;
  if (other !== null && other.operationId !== operation.id) {
    return refused('OperationRunning', other.why, {
      hint: 'wait until it has opened, or until its lease is over',
      operationId: other.operationId,
    });
  }
  if (request.force) return checkForce(state, request);
  return request.change === 'switchover'
    ? checkSwitchover(state, request)
    : checkFailover(state, request);
}

/** From the prepare on nothing is confirmed: a target that cannot take over is refused before. */
function checkFailover(state: ControllerState, request: ChangeRequest): Preflight {
  const { fold, config, peers } = state;
  const { to } = request;
  if (to === null || fold.prepare !== null) return ready(state, request, to);
  if (to === fold.primary) return isPrimaryAlready(to);
  if (to !== config.region && !isPeerLive(state, to)) {
    return refused('RequestInvalid', `${to} does not answer`, {
      hint: `ask ${to} itself, or leave out \`to\``,
    });
  }
  const report = peers.find((peer) => peer.report.id === to)?.report;
  const role = to === config.region ? state.role : report?.role;
  if (role === 'joining' || role === 'quarantined') {
    return refused('RequestInvalid', `${to} is ${role}: it has no data that could go on`, {
      hint: 'wait until `npx meridian status` calls it a replica, or choose another region',
    });
  }
  const unfit = unfitRules(state, to);
  if (unfit !== null) return refused('RequestInvalid', unfit.why, { hint: unfit.hint });
  return ready(state, request, to);
}

function isPrimaryAlready(region: RegionId): Refusal {
  return refused('RequestInvalid', `${region} is the primary already`, { hint: 'choose another' });
}

function changes(
  prepare: Pick<PrepareRecord, 'change' | 'preferred'>,
  request: ChangeRequest,
): boolean {
  return request.force || request.change !== prepare.change || request.to !== prepare.preferred;
}

function checkSwitchover(state: ControllerState, request: ChangeRequest): Preflight {
  const { fold } = state;
  const to = request.to ?? switchoverTarget(state);
  if (to === null) {
    return refused('RequestInvalid', 'no member region is live', {
      hint: 'see `npx meridian status`; a switchover needs a live member',
    });
  }
  if (to === fold.primary && fold.prepare === null) return isPrimaryAlready(to);
  if (fold.prepare !== null) return ready(state, request, to);
  const unfit = unfitness(state, to);
  if (unfit !== null) return refused('RequestInvalid', unfit.why, { hint: unfit.hint });
  return ready(state, request, to);
}

function checkForce(state: ControllerState, request: ChangeRequest): Preflight {
  const { prepare, policy } = state.fold;
  if (!request.acceptDataLoss || request.to === null) {
    return refused('DataLossNotAccepted', 'a forced failover can lose confirmed writes', {
      hint: 'name the region with `to` and set acceptDataLoss after a dry run',
    });
  }
  if (prepare === null || policy === null) {
    return refused('RequestInvalid', 'nothing can be forced before an unforced failover', {
      hint: 'ask for a failover first; force it only when its seals cannot be had',
    });
  }
  if (!prepare.seals.some((seal) => seal.region === request.to)) {
    return refused('RequestInvalid', `${request.to} has not sealed`, {
      hint: 'only a region that has sealed can be forced; see `npx meridian status`',
    });
  }
  const isLive = (region: RegionId): boolean =>
    region === state.config.region || isPeerLive(state, region);
  const silent = prepare.members.filter((member) => {
    const hasSeal = prepare.seals.some((seal) => seal.region === member.region);
    return !hasSeal && isLive(member.region);
  });
  const verdict = judgePrepare(state.fold, prepare, policy);
  if (silent.length > 0 || verdict.kind === 'promoted') {
    const names = silent.map((member) => member.region).join(', ');
    return refused('OperationRunning', `the unforced attempt can still be met by ${names}`, {
      hint: 'wait for these regions to seal',
      operationId: prepare.operation?.id ?? null,
    });
  }
  return ready(state, request, request.to);
}

function ready(
  state: ControllerState,
  request: ChangeRequest,
  preferred: RegionId | null,
): Preflight {
  const { fold } = state;
  const { prepare } = fold;
  // A further attempt says who wants it, under the id of the operation that runs.
  const operation = { ...request.operation, id: prepare?.operation?.id ?? request.operation.id };
  const seals = (prepare?.seals ?? []).map(({ region, position }) => ({ region, position }));
  const record: PrepareRecord = {
    kind: 'prepare',
    epoch: nextEpoch(fold.epoch),
    attempt: (prepare?.attempt ?? 0) + 1,
    change: request.force ? 'failover' : request.change,
    preferred,
    force: request.force ? { acceptDataLoss: true, seals } : null,
    operation,
  };
  return { kind: 'ready', record, operationId: operation.id };
}
