/** What `meridian init` makes of `--regions`, and what it says about the files it wrote. */

export interface PlannedRegion {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly bind: string;
  readonly latitude: number;
  readonly longitude: number;
}

export type InitPlan =
  | {
      readonly kind: 'plan';
      readonly regions: readonly PlannedRegion[];
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

/** Reads `eu-west=host1,us-east=10.0.0.2`. */
export function planInit(text: string): InitPlan {
  const regions: PlannedRegion[] = [];
  const warnings: string[] = [];
  for (const part of text.split(',')) {
    const [id = '', host = '', ...rest] = part.trim().split('=');
    if (rest.length > 0 || !regionPattern.test(id)) {
      return refused(`${part.trim()} does not read <region>=<host>, e.g. eu-west=host1.example`);
    }
    const isAddress = addressPattern.test(host);
    if (!isAddress && (!namePattern.test(host) || /^[\d.]+$/.test(host))) {
      return refused(`${host === '' ? id : host} is neither a host name nor an IPv4 address`);
    }
    const place = places[id];
    if (place === undefined) warnings.push(`${id} is at 0, 0 on the map: set its location.`);
    const [name, latitude, longitude] = place ?? [id, 0, 0];
    // A name may lead to an address that the host itself does not have.
    const reach = isAddress
      ? { host: `${id}.meridian.internal`, bind: host }
      : { host: host.toLowerCase(), bind: '0.0.0.0' };
    regions.push({ id, name, ...reach, latitude, longitude });
  }
  const twice =
    doubled(regions.map(({ id }) => id)) ??
    doubled(regions.map(({ host, bind }) => (bind === '0.0.0.0' ? host : bind)));
  if (twice !== null) return refused(`${twice} is named twice: each region has a host of its own`);
  if (regions.length === 1) warnings.push('One region has nowhere to go when it is lost.');
  if (regions.length === 2) {
    warnings.push('Two regions: both must be up for a write; a third one lets one be lost.');
  }
  return { kind: 'plan', regions, warnings };
}

function refused(why: string): InitPlan {
  return { kind: 'refused', why };
}

function doubled(values: readonly string[]): string | null {
  return values.find((value, index) => values.indexOf(value) !== index) ?? null;
}

export interface WrittenFiles {
  readonly folder: string;
  readonly regions: readonly Pick<PlannedRegion, 'id' | 'host' | 'bind'>[];
  readonly isSecured: boolean;
}

/** Each file, where it goes, and the commands on the hosts. */
export function explainFiles({ folder, regions, isSecured }: WrittenFiles): string {
  const width = Math.max(...regions.map(({ id }) => id.length)) + '.secrets.yaml'.length + 2;
  const line = (file: string, does: string): string => `  ${file.padEnd(width)} ${does}`;
  const authority = isSecured
    ? [
        line('authority/ca.pem', 'the private authority: who trusts it trusts every region'),
        line('authority/ca-key.pem', 'signs new certificates: keep it off the hosts, in a safe'),
      ]
    : [];
  const secrets = regions.map((region) =>
    line(`${region.id}.secrets.yaml`, `to ${whereOf(region)} alone, mode 600`),
  );
  const first = regions[0]?.id ?? '';
  return [
    `Written to ${folder}:`,
    line('meridian.yaml', 'the cluster file: the same copy to every host'),
    ...secrets,
    ...authority,
    '',
    'On each host, with its own region instead of the first one; the order does not matter:',
    `  $ install -D -m 644 meridian.yaml /etc/meridian/meridian.yaml`,
    `  $ install -D -m 600 ${first}.secrets.yaml /etc/meridian/secrets.yaml`,
    `  $ npx meridian region up ${first} --config /etc/meridian/meridian.yaml \\`,
    '      --secrets /etc/meridian/secrets.yaml --data /var/lib/meridian',
    '',
    'Two of three regions must be up before the first one opens; one alone says whom it waits for.',
    'The hosts reach each other on the ports in meridian.yaml (7080-7082, 5432 on, 9092-9094).',
  ].join('\n');
}

function whereOf({ host, bind }: Pick<PlannedRegion, 'host' | 'bind'>): string {
  return bind === '0.0.0.0' ? host : bind;
}
