/** The gateway's routes and upstreams as tables. */
import { formatDuration } from './duration.ts';
import { plainPaint, renderTable, type Paint } from './table.ts';

/** What is shown of a route; policies that are not set are absent. */
export interface RouteRow {
  readonly id: string;
  readonly match: {
    readonly hosts: readonly string[];
    readonly path: string;
    readonly methods: readonly string[];
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly group: string;
  readonly canary: readonly { readonly group: string; readonly share: number }[];
  readonly crossRegion: string;
  readonly auth?: { readonly accept: readonly string[]; readonly scopes: readonly string[] };
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number; readonly key: string };
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly sticky?: object;
  readonly session?: object;
  readonly cors?: object;
  readonly hedgeAfterMs?: number;
}

export interface UpstreamRow {
  readonly group: string;
  readonly upstream: string;
  readonly state: string;
  readonly weight: number;
  readonly inFlight: number;
  readonly latencyMs: number | null;
}

export interface BreakerRow {
  readonly group: string;
  readonly upstream: string;
  readonly state: string;
  readonly opened: number;
  readonly failures: number;
  readonly successes: number;
}

/** Routes in the order in which they are tried. */
export function renderRoutes(routes: readonly RouteRow[], paint: Paint = plainPaint): string {
  return renderTable(
    ['ROUTE', 'MATCHES', 'GROUP', 'OTHER REGIONS', 'POLICIES'].map((title) => ({ title })),
    routes.map((route) => [
      route.id,
      matchOf(route),
      groupOf(route),
      route.crossRegion,
      policiesOf(route).join(', ') || '-',
    ]),
    paint,
  );
}

/** Every instance with its breaker. */
export function renderUpstreams(
  upstreams: readonly UpstreamRow[],
  breakers: readonly BreakerRow[],
  paint: Paint = plainPaint,
): string {
  const breakerOf = (row: UpstreamRow): BreakerRow | undefined =>
    breakers.find(({ group, upstream }) => group === row.group && upstream === row.upstream);
  return renderTable(
    [
      ...[{ title: 'GROUP' }, { title: 'UPSTREAM' }, { title: 'STATE' }],
      ...(['WEIGHT', 'IN FLIGHT', 'LATENCY'] as const).map(rightAligned),
      { title: 'BREAKER' },
      ...(['OPENED', 'GOOD', 'FAILED'] as const).map(rightAligned),
    ],
    upstreams.map((row) => {
      const breaker = breakerOf(row);
      return [
        ...[row.group, row.upstream, paint(row.state === 'usable' ? 'green' : 'yellow', row.state)],
        ...[String(Math.round(row.weight * 100) / 100), String(row.inFlight)],
        row.latencyMs === null || row.latencyMs === 0 ? '-' : formatDuration(row.latencyMs),
        breaker?.state ?? '-',
        ...[breaker?.opened, breaker?.successes, breaker?.failures].map((n) => String(n ?? '-')),
      ];
    }),
    paint,
  );
}

function rightAligned(title: string): { readonly title: string; readonly align: 'right' } {
  return { title, align: 'right' };
}

function matchOf({ match }: RouteRow): string {
  const headers = Object.entries(match.headers).map(([name, value]) => `${name}: ${value}`);
  const methods = match.methods.length === 0 ? 'ANY' : match.methods.join(',');
  const path = match.path === '/' ? '/*' : `${match.path}/*`;
  return [methods, `${match.hosts.join(',')}${path}`, ...headers].join(' ');
}

function groupOf({ group, canary }: RouteRow): string {
  const parts = canary.map((part) => `${part.group} ${String(Math.round(part.share * 100))} %`);
  return [group, ...parts].join(' + ');
}

function policiesOf(route: RouteRow): readonly string[] {
  const { auth, rateLimit, allow, deny } = route;
  return [
    ...(auth === undefined ? [] : [`auth ${[...auth.accept, ...auth.scopes].join(' ')}`]),
    ...(rateLimit === undefined
      ? []
      : [
          `${String(rateLimit.perSecond)}/s per ${rateLimit.key}, burst ${String(rateLimit.burst)}`,
        ]),
    ...(allow.length > 0 ? [`allow ${String(allow.length)} networks`] : []),
    ...(deny.length > 0 ? [`deny ${String(deny.length)} networks`] : []),
    ...(['sticky', 'session', 'cors'] as const).filter((name) => route[name] !== undefined),
    ...(route.hedgeAfterMs === undefined ? [] : [`hedged after ${String(route.hedgeAfterMs)} ms`]),
  ];
}
