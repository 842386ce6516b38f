/** How `status` looks on a terminal: one line per region, then what deserves a second look. */
import { formatDuration } from './duration.ts';
import type { ChangeUnderWay, StatusDocument, StatusRegion } from './status-document.ts';
import { plainPaint, renderTable, type Colour, type Column, type Paint } from './table.ts';

const columns: readonly Column[] = [
  { title: 'REGION' },
  { title: 'ROLE' },
  { title: 'HEALTH' },
  { title: 'EPOCH', align: 'right' },
  { title: 'POSITION' },
  { title: 'LAG', align: 'right' },
  { title: 'NODES' },
  { title: 'GATEWAY' },
  { title: 'ADMIN' },
];

const healthColours: Readonly<Record<StatusRegion['health'], Colour>> = {
  healthy: 'green',
  starting: 'cyan',
  degraded: 'yellow',
  unreachable: 'red',
};

/** The table of regions; the primary carries an asterisk. */
export function renderStatus(status: StatusDocument, paint: Paint = plainPaint): string {
  const rows = status.regions.map((region) => regionRow(status, region, paint));
  const lines = [
    renderTable(columns, rows, paint).trimEnd(),
    '',
    summaryOf(status),
    ...lastChangeOf(status),
    paint('dim', `cluster ${status.cluster}`),
  ];
  if (status.k < status.policyK) {
    const text = `degraded: semi-sync waits for ${status.k} regions instead of ${status.policyK}`;
    lines.push(paint('yellow', text));
  }
  for (const id of outsiders(status)) {
    lines.push(paint('yellow', `${id} is no member: sync commits do not wait for it`));
  }
  if (status.change !== null) {
    for (const text of changeUnderWay(status.change)) lines.push(paint('yellow', text));
  }
  if (status.controlLog !== null) lines.push(paint('red', status.controlLog));
  for (const region of status.regions.filter(isRemarkable)) {
    lines.push(paint('dim', `${region.id}: ${region.why}`));
  }
  for (const region of status.regions.filter(({ drift }) => drift.length > 0)) {
    const text = `${region.id} differs from the primary: ${region.drift.join(', ')}`;
    lines.push(paint('yellow', text));
  }
  for (const { id, warnings } of status.regions) {
    for (const warning of warnings) lines.push(paint('yellow', `${id}: ${warning}`));
  }
  for (const { id, external = [] } of status.regions) {
    for (const { name, place, ok, detail } of external) {
      const text = `${id}: ${name} is ${place}, not started by Meridian: ${detail}`;
      lines.push(paint(ok === true ? 'dim' : 'yellow', text));
    }
  }
  return `${lines.join('\n')}\n`;
}

function summaryOf({ epoch, primary, members, leaseRemainingMs }: StatusDocument): string {
  const lease =
    leaseRemainingMs === null
      ? 'lease not known'
      : `lease ${formatDuration(leaseRemainingMs)} left`;
  return [
    `epoch ${String(epoch)}`,
    `primary ${primary ?? 'none'}`,
    `members ${members.length === 0 ? 'none yet' : members.join(', ')}`,
    ...(primary === null ? [] : [lease]),
  ].join(' · ');
}

/** How the present epoch began; the first one is no change. */
function lastChangeOf({ lastChange }: StatusDocument): readonly string[] {
  if (lastChange === null || lastChange.from === null) return [];
  const { change, isForced, from, to, atMs, pauseMs, rowsLost, why } = lastChange;
  const when = atMs === null ? '' : ` at ${new Date(atMs).toISOString().slice(0, 19)}Z`;
  const whence = from === to ? `in ${to}` : `from ${from} to ${to}`;
  const facts = [
    ...(pauseMs === null ? [] : [`write pause ${formatDuration(pauseMs)}`]),
    ...(rowsLost === null || rowsLost === 0 ? [] : [`${String(rowsLost)} rows lost`]),
    why,
  ];
  const kind = isForced ? `forced ${change}` : change;
  return [`last change: ${kind} ${whence}${when}; ${facts.join('; ')}`];
}

function changeUnderWay({ kind, epoch, waitsFor, seals }: ChangeUnderWay): readonly string[] {
  const text = `a ${kind} to epoch ${String(epoch)} is under way`;
  const given = seals.map(
    ({ region, position, final }) => `${region} at ${position}${final ? ' for good' : ''}`,
  );
  return [
    waitsFor === null ? text : `${text}: ${waitsFor}`,
    `seals: ${given.length === 0 ? 'none yet' : given.join(', ')}`,
  ];
}

/** Regions that follow and do not count; at the start of an epoch nobody does yet. */
function outsiders({ regions, members, primary }: StatusDocument): readonly string[] {
  if (primary === null || members.length === 0) return [];
  return regions.map(({ id }) => id).filter((id) => id !== primary && !members.includes(id));
}

/** The nodes of one region, for `regions show`. */
export function renderNodes(region: StatusRegion, paint: Paint = plainPaint): string {
  const titles = ['NODE', 'KIND', 'ROLE', 'POSITION', 'HEALTH'].map((title) => ({ title }));
  const rows = region.nodes.map((node) => [
    node.id,
    node.kind,
    node.role,
    node.position ?? '-',
    node.healthy ? paint('green', 'healthy') : paint('red', 'down'),
  ]);
  return renderTable(titles, rows, paint);
}

function regionRow(status: StatusDocument, region: StatusRegion, paint: Paint): string[] {
  const isPrimary = region.id === status.primary;
  const healthy = region.nodes.filter((node) => node.healthy).length;
  return [
    isPrimary ? paint('bold', `${region.id}*`) : region.id,
    region.role,
    paint(healthColours[region.health], region.health),
    region.epoch === null ? '-' : String(region.epoch),
    region.position ?? '-',
    isPrimary ? '-' : formatDuration(region.lagMs),
    `${String(healthy)}/${String(region.nodes.length)}`,
    region.gatewayUrl,
    adminCell(region),
  ];
}

/** Only the port where the host is the gateway's: the table stays narrow. */
function adminCell({ gatewayUrl, adminUrl }: StatusRegion): string {
  if (!URL.canParse(gatewayUrl) || !URL.canParse(adminUrl)) return adminUrl;
  const { hostname, port } = new URL(adminUrl);
  return new URL(gatewayUrl).hostname === hostname ? `:${port}` : adminUrl;
}

function isRemarkable(region: StatusRegion): boolean {
  return region.health !== 'healthy' || !['primary', 'replica'].includes(region.role);
}
