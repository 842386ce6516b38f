/** The controller's part of `/health/ready`: listed as degraded, routing goes on without it. */
import type { Readiness } from '../../../shared/http/health-routes.ts';
import type { ControllerKind } from '../core/controller-state.ts';

export interface ControllerHealth {
  readonly state: ControllerKind;
  readonly why: string;
  /** Since when nothing was heard from the control log. */
  readonly controlSilentMs: number;
  readonly topicProblems: readonly string[];
}

const silenceMaxMs = 5000;

export function controllerReadiness(health: ControllerHealth): Readiness {
  const { state, controlSilentMs, topicProblems } = health;
  const isHalted = state === 'halted';
  const heard = Number.isFinite(controlSilentMs)
    ? `heard ${Math.round(controlSilentMs)} ms ago`
    : 'not heard yet';
  return {
    ready: !isHalted,
    checks: [
      {
        name: 'controller',
        ok: state === 'running',
        degradedOnly: !isHalted,
        detail: `${state}: ${health.why}`,
      },
      {
        name: 'control log',
        ok: controlSilentMs < silenceMaxMs,
        degradedOnly: true,
        detail: heard,
      },
      {
        name: 'topics',
        ok: topicProblems.length === 0,
        degradedOnly: true,
        detail: topicProblems.length === 0 ? 'as they must be' : topicProblems.join('; '),
      },
    ],
  };
}
