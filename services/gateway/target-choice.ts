/** Where the next attempt of a request goes: an instance of the own region, or another region. */
import type { IncomingMessage } from 'node:http';
import type { RegionId } from '../../shared/core/region.ts';
import type { Admission } from './admission.ts';
import { readCookie } from './core/cookies.ts';
import { groupAt, placeOf } from './core/split.ts';
import { shortName } from './core/sticky.ts';
import { decide, headerOf, type Intake } from './intake.ts';
import type { UpstreamClient } from './io/upstream-client.ts';
import type { UpstreamGroup } from './io/upstream-group.ts';
import type { UpstreamInstance } from './io/upstream-instance.ts';
import { refusal } from './reply-writing.ts';
import type { GatewayRuntime } from './runtime.ts';

export interface InstanceTarget {
  readonly kind: 'instance';
  /** What the header `meridian-upstream` says. */
  readonly label: string;
  readonly client: UpstreamClient;
  readonly group: UpstreamGroup;
  readonly instance: UpstreamInstance;
}

export interface RegionTarget {
  readonly kind: 'region';
  readonly label: string;
  readonly client: UpstreamClient;
  readonly region: RegionId;
}

export type Target = InstanceTarget | RegionTarget;

export interface TargetQuestion {
  readonly request: IncomingMessage;
  readonly intake: Intake;
  readonly admission: Admission;
  readonly order: readonly RegionId[];
  /** What `keyOf` gave for the attempts before. */
  readonly tried: ReadonlySet<string>;
}

/**
 * The regions of the decision in turn, what was not tried before; when nothing new is left, any
 * instance of the own region, if the decision has it. Null: there is nothing to send to.
 */
export function nextTarget(runtime: GatewayRuntime, question: TargetQuestion): Target | null {
  const { intake, tried, order } = question;
  const mayLeave = intake.route.config.crossRegion === 'proxy';
  const group = groupOf(runtime, intake);
  for (const region of order) {
    if (region === runtime.region) {
      const own = group === undefined ? null : ownTarget(group, question);
      if (own !== null && !own.isPanic && !tried.has(own.target.instance.id)) return own.target;
    } else if (mayLeave && !tried.has(region)) {
      const client = runtime.regions.clientOf(region);
      if (client !== null) return { kind: 'region', label: `region/${region}`, client, region };
    }
  }
  if (group === undefined || !order.includes(runtime.region)) return null;
  return ownTarget(group, question)?.target ?? null;
}

/**
 * The regions to try for an admitted request, at least one. Throws the refusal when the rules
 * allow no region, or none can serve.
 */
export function regionOrder(
  runtime: GatewayRuntime,
  intake: Intake,
  admission: Admission,
): readonly RegionId[] {
  const decision = decide(runtime, {
    ...{ route: intake.route, place: intake.place, override: intake.override },
    tenant: admission.tenant,
    sticky: admission.stickyRegion,
    visited: intake.hop?.visited ?? [],
  });
  if (decision.kind === 'refuse') throw refusal(decision.code);
  return decision.order;
}

/** Whether the decision has a region that no attempt went to. */
export function isRegionLeft(order: readonly RegionId[], tried: ReadonlySet<string>): boolean {
  return order.some((region) => !tried.has(region));
}

/** The group that takes this client's requests of the route. */
export function groupOf(runtime: GatewayRuntime, intake: Intake): UpstreamGroup | undefined {
  const { group, canary, id } = intake.route.config;
  if (canary.length === 0) return runtime.groups.get(group);
  const place = placeOf(`${id} ${intake.client.address}`);
  return runtime.groups.get(groupAt(group, canary, place));
}

/** What `tried` remembers of a target. */
export function keyOf(target: Target): string {
  return target.kind === 'instance' ? target.instance.id : target.region;
}

function ownTarget(
  group: UpstreamGroup,
  { request, intake, admission, tried }: TargetQuestion,
): { target: InstanceTarget; isPanic: boolean } | null {
  const { needs } = intake.route.config;
  const sticky = admission.stickyInstance;
  if (sticky !== null && tried.size === 0) {
    const instance = group.instances.find(({ id }) => shortName(id) === sticky);
    const usable = instance === undefined ? null : group.usable(instance.id, needs);
    if (usable !== null) return { target: targetAt(group, usable), isPanic: false };
  }
  const chosen = group.choose(tried, hashKeyOf(request, intake, group.config.hashKey), needs);
  if (chosen === null) return null;
  return { target: targetAt(group, chosen.instance), isPanic: chosen.isPanic };
}

function targetAt(group: UpstreamGroup, instance: UpstreamInstance): InstanceTarget {
  return { kind: 'instance', label: instance.label, client: instance.client, group, instance };
}

function hashKeyOf(request: IncomingMessage, intake: Intake, rule: string): string {
  if (rule === 'address') return intake.client.address;
  if (rule === 'path') return intake.path;
  const name = rule.slice(rule.indexOf(':') + 1);
  if (rule.startsWith('header:')) return headerOf(request, name) ?? '';
  return readCookie(headerOf(request, 'cookie'), name) ?? '';
}
