/** What `meridian init` makes of `--regions`, and what it says about the files it wrote. */
import { everyAddress, internalDomain } from '../../../../shared/core/region.ts';

export interface PlannedPlace {
  readonly id: string;
  readonly host: string;
  readonly bind: string;
}

export interface PlannedRegion extends PlannedPlace {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

export type InitPlan =
  | {
      readonly kind: 'plan';
      readonly regions: readonly PlannedRegion[];
      readonly witness: PlannedPlace | null;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string };

type Place = readonly [name: string, latitude: number, longitude: number];

/** Where regions of these names usually are; every other is put at 0, 0 and said so. */
const places: Readonly<Record<string, Place>> = {
  'eu-west': ['Frankfurt', 50.11, 8.68],
  'eu-central': ['Frankfurt', 50.11, 8.68],
  'eu-north': ['Stockholm', 59.33, 18.07],
  'eu-south': ['Milan', 45.46, 9.19],
  'us-east': ['Northern Virginia', 38.95, -77.45],
  'us-central': ['Iowa', 41.26, -95.86],
  'us-west': ['Oregon', 45.84, -119.7],
  'ca-central': ['Montreal', 45.5, -73.57],
  'sa-east': ['Sao Paulo', -23.55, -46.63],
  'af-south': ['Cape Town', -33.92, 18.42],
  'me-central': ['Dubai', 25.2, 55.27],
  'ap-south': ['Mumbai', 19.08, 72.88],
  'ap-southeast': ['Singapore', 1.35, 103.82],
  'ap-northeast': ['Tokyo', 35.68, 139.69],
  'ap-southeast-2': ['Sydney', -33.87, 151.21],
};

const regionPattern = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;
const namePattern =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const addressPattern = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** Reads `eu-west=host1,us-east=10.0.0.2`, and `witness=host3` where there is one. */
export function planInit(text: string, witnessText: string | null = null): InitPlan {
  const places = text.split(',').map(readPlace);
  const witness = witnessText === null ? null : readPlace(witnessText);
  for (const place of [...places, witness]) {
    if (typeof place === 'string') return refused(place);
  }
  const planned = places.filter((place) => typeof place !== 'string');
  const third = typeof witness === 'string' ? null : witness;
  const all = third === null ? planned : [...planned, third];
  const twice =
    doubled(all.map(({ id }) => id)) ??
    doubled(all.map(({ host, bind }) => (bind === everyAddress ? host : bind)));
  if (twice !== null) return refused(`${twice} is named twice: each region has a host of its own`);
  if (third !== null && planned.length !== 2) {
    return refused('a witness is the third vote of two regions, and of no other number');
  }
  const regions = planned.map(located);
  return { kind: 'plan', regions, witness: third, warnings: warningsOf(regions, third) };
}

function warningsOf(regions: readonly PlannedRegion[], witness: PlannedPlace | null): string[] {
  const warnings = regions
    .filter(({ id }) => places[id] === undefined)
    .map(({ id }) => `${id} is at 0, 0 on the map: set its location.`);
  if (regions.length === 1) warnings.push('One region has nowhere to go when it is lost.');
  if (regions.length === 2) {
    const alone = 'a semi-sync write waits until the other region is back; async and logged do not';
    warnings.push(
      witness === null
        ? 'Two regions: nothing is decided unless both are up; --witness adds a third vote.'
        : `Two regions and a witness: one region may be lost, but then ${alone}.`,
    );
  }
  return warnings;
}

/** Reads `eu-west=host1`; what is wrong with it, in words, when it does not read so. */
export function readPlace(part: string): PlannedPlace | string {
  const [id = '', host = '', ...rest] = part.trim().split('=');
  if (rest.length > 0 || !regionPattern.test(id)) {
    return `${part.trim()} does not read <region>=<host>, e.g. eu-west=host1.example`;
  }
  const isAddress = addressPattern.test(host);
  if (!isAddress && (!namePattern.test(host) || /^[\d.]+$/.test(host))) {
    return `${host === '' ? id : host} is neither a host name nor an IPv4 address`;
  }
  // A name may lead to an address that the host itself does not have.
  return isAddress
    ? { id, host: `${id}${internalDomain}`, bind: host }
    : { id, host: host.toLowerCase(), bind: everyAddress };
}

/** A region where those of its name usually are. */
export function located(place: PlannedPlace): PlannedRegion {
  const [name, latitude, longitude] = places[place.id] ?? [place.id, 0, 0];
  return { ...place, name, latitude, longitude };
}

/** A container's own address is not known before it runs. */
export function inContainers<T extends { readonly regions: readonly { readonly bind: string }[] }>(
  cluster: T,
): T {
  return { ...cluster, regions: cluster.regions.map((one) => ({ ...one, bind: everyAddress })) };
}

function refused(why: string): InitPlan {
  return { kind: 'refused', why };
}

function doubled(values: readonly string[]): string | null {
  return values.find((value, index) => values.indexOf(value) !== index) ?? null;
}

export interface WrittenFiles {
  readonly folder: string;
  readonly regions: readonly PlannedPlace[];
  readonly witness: PlannedPlace | null;
  readonly isSecured: boolean;
  readonly isContained: boolean;
}

/** Each file, where it goes, and the commands on the hosts. */
export function explainFiles(files: WrittenFiles): string {
  const { folder, regions, witness, isSecured } = files;
  const hosts = witness === null ? regions : [...regions, witness];
  const width = Math.max(...hosts.map(({ id }) => id.length)) + '.secrets.yaml'.length + 2;
  const line = (file: string, does: string): string => `  ${file.padEnd(width)} ${does}`;
  const authority = isSecured
    ? [
        line('authority/ca.pem', 'the private authority: who trusts it trusts every region'),
        line('authority/ca-key.pem', 'signs new certificates: keep it off the hosts, in a safe'),
      ]
    : [];
  const secrets = hosts.map((place) =>
    line(`${place.id}.secrets.yaml`, `to ${whereOf(place)} alone, mode 600`),
  );
  const first = regions[0]?.id ?? '';
  return [
    `Written to ${folder}:`,
    line('meridian.yaml', 'the cluster file: the same copy to every host'),
    ...secrets,
    ...authority,
    '',
    'On each host, with its own region instead of the first one; the order does not matter:',
    ...(files.isContained ? startsContainers(folder, first) : startsRegion(first)),
    '',
    ...(witness === null ? [] : [`${witness.id} is started in the same way; it holds no data.`]),
    `${startsWith(hosts.length)}; one alone says whom it waits for.`,
    'The hosts reach each other on the ports in meridian.yaml (7080-7082, 5432 on, 9092-9094).',
    'Before the start and at any time: npx meridian doctor, with the same three options.',
  ].join('\n');
}

function startsRegion(id: string): string[] {
  return [
    `  $ install -D -m 644 meridian.yaml /etc/meridian/meridian.yaml`,
    `  $ install -D -m 600 ${id}.secrets.yaml /etc/meridian/secrets.yaml`,
    `  $ npx meridian region up ${id} --config /etc/meridian/meridian.yaml \\`,
    '      --secrets /etc/meridian/secrets.yaml --data /var/lib/meridian',
  ];
}

function startsContainers(folder: string, id: string): string[] {
  return [
    `  $ chown 999:999 ${id}.secrets.yaml    # the user of the containers`,
    `  $ export MERIDIAN_CLUSTER_FILE=${folder}/meridian.yaml MERIDIAN_SECRETS_FOLDER=${folder}`,
    `  $ docker compose -f docker-compose.regions.yml --profile ${id} up -d`,
  ];
}

/** How many of the voters must be there. */
function startsWith(hosts: number): string {
  if (hosts === 1) return 'The host opens by itself';
  const voters = Math.min(3, hosts);
  const needed = Math.floor(voters / 2) + 1;
  return `${String(needed)} of the first ${String(voters)} hosts must be up before a region opens`;
}

function whereOf({ host, bind }: PlannedPlace): string {
  return bind === everyAddress ? host : bind;
}
