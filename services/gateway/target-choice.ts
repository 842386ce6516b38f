/** Where the next attempt of a request goes: an instance of the own region, or another region. */
import type { IncomingMessage } from 'node:http';
import type { RegionId } from '../../shared/core/region.ts';
import { headerOf, type Intake } from './intake.ts';
import type { UpstreamClient } from './io/upstream-client.ts';
import type { UpstreamGroup } from './io/upstream-group.ts';
import type { UpstreamInstance } from './io/upstream-instance.ts';
import type { GatewayRuntime } from './runtime.ts';

export type Target =
  | {
      readonly kind: 'instance';
      readonly client: UpstreamClient;
      readonly group: UpstreamGroup;
      readonly instance: UpstreamInstance;
    }
  | { readonly kind: 'region'; readonly client: UpstreamClient; readonly region: RegionId };

export interface TargetQuestion {
  readonly request: IncomingMessage;
  readonly intake: Intake;
  /** What `keyOf` gave for the attempts before. */
  readonly tried: ReadonlySet<string>;
}

/**
 * The regions of the decision in turn, what was not tried before; when nothing new is left, any
 * instance of the own region, if the decision has it. Null: there is nothing to send to.
 */
export function nextTarget(runtime: GatewayRuntime, question: TargetQuestion): Target | null {
  const { intake, tried } = question;
  const { decision, route } = intake;
  if (decision.kind === 'refuse') return null;
  for (const region of decision.order) {
    if (region === runtime.region) {
      const own = ownTarget(runtime, question);
      if (own !== null && !own.isPanic && !tried.has(own.target.instance.id)) return own.target;
    } else if (route.crossRegion === 'proxy' && !tried.has(region)) {
      const client = runtime.regions.clientOf(region);
      if (client !== null) return { kind: 'region', client, region };
    }
  }
  if (!decision.order.includes(runtime.region)) return null;
  return ownTarget(runtime, question)?.target ?? null;
}

/** What `tried` remembers of a target. */
export function keyOf(target: Target): string {
  return target.kind === 'instance' ? target.instance.id : target.region;
}

/** What the header `meridian-upstream` says of a target. */
export function labelOf(target: Target): string {
  if (target.kind === 'region') return `region/${target.region}`;
  return `${target.group.name}/${target.instance.id.replace(/^https?:\/\//, '')}`;
}

function ownTarget(
  runtime: GatewayRuntime,
  { request, intake, tried }: TargetQuestion,
): { target: Target & { kind: 'instance' }; isPanic: boolean } | null {
  const group = runtime.groups.get(intake.route.group);
  if (group === undefined) return null;
  const chosen = group.choose(tried, hashKeyOf(request, intake, group.config.hashKey));
  if (chosen === null) return null;
  const { instance, isPanic } = chosen;
  return { target: { kind: 'instance', client: instance.client, group, instance }, isPanic };
}

function hashKeyOf(request: IncomingMessage, intake: Intake, rule: string): string {
  if (rule === 'address') return intake.client.address;
  if (rule === 'path') return intake.path;
  const name = rule.slice(rule.indexOf(':') + 1);
  if (rule.startsWith('header:')) return headerOf(request, name) ?? '';
  const cookies = headerOf(request, 'cookie') ?? '';
  for (const pair of cookies.split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return '';
}
