/** Facts of this host: Node, programs, disks, ports, certificates, geo data. */
import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { whyNotFree } from '../../../local/process/address-check.ts';
import { locatePrograms, postgresMajorMin, postgresMajorVersion } from '../../../local/programs.ts';
import { addressesOf } from '../../../local/region-addresses.ts';
import type { RegionPaths } from '../../../local/region-paths.ts';
import type { ClusterBase, RegionConfig } from '../../../../shared/config/cluster-schema.ts';
import { certificatesIn } from '../../../../shared/config/security.ts';
import type { Secrets } from '../../../../shared/config/secrets-schema.ts';
import { messageOf } from '../../../../shared/errors/meridian-error.ts';
import { failed, ok, skipped, type Finding } from '../../core/doctor/finding.ts';
import {
  judgeCertificate,
  judgeDisk,
  judgeGeoData,
  judgeNode,
  judgePorts,
} from '../../core/doctor/judge-host.ts';

export interface HostToCheck {
  readonly cluster: Pick<ClusterBase, 'kafka'>;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
  readonly paths: RegionPaths;
  /** The region's agent works: its ports are its own. */
  readonly isRunning: boolean;
}

export async function checkHost(host: HostToCheck): Promise<Finding[]> {
  return [
    judgeNode(process.version),
    checkPrograms(host),
    await checkPorts(host),
    await checkDisk('disk', host.paths.folder),
    await checkDisk('disk postgres', host.paths.postgresFolder),
    ...checkCertificates(host.secrets),
    judgeGeoData(geoDataAgeMs()),
  ];
}

function checkPrograms({ region }: HostToCheck): Finding {
  try {
    const { postgresHome } = locatePrograms(region);
    const major = postgresMajorVersion(postgresHome);
    const which = `PostgreSQL ${Number.isNaN(major) ? 'missing' : String(major)}`;
    const found = region.postgres === undefined ? which : `${which} in ${postgresHome}`;
    if (major >= postgresMajorMin) return ok('programs', `${found}, Kafka, Java, Redis`);
    const least = `PostgreSQL ${String(postgresMajorMin)} or newer, with bin/postgres`;
    return failed('programs', found, `name ${least}, in the region's postgres.home`);
  } catch (error) {
    const [what = '', fix = 'node infra/scripts/prepare.mjs --for start'] =
      messageOf(error).split('; run: ');
    return failed('programs', what, fix);
  }
}

async function checkPorts({ cluster, region, isRunning }: HostToCheck): Promise<Finding> {
  if (isRunning) return skipped('ports', 'the region runs and has them');
  const addresses = addressesOf(region, cluster.kafka);
  return judgePorts(await whyNotFree(addresses), addresses.length);
}

/** The room where `folder` is, or will be. */
async function checkDisk(check: string, folder: string): Promise<Finding> {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  return judgeDisk(check, bavail * bsize);
}

function checkCertificates({ shared, own }: Secrets): Finding[] {
  if (shared.authority === undefined || own.certificates === undefined) {
    return [skipped('certificates', 'none: security.mode plain')];
  }
  const now = new Date();
  const texts = [
    ['certificate of the authority', shared.authority],
    ['certificate of the region', own.certificates.region.certificate],
    ['certificate of its broker', own.certificates.broker.certificate],
  ] as const;
  return texts.flatMap(([check, pem]) =>
    certificatesIn(pem).map(({ validToDate }) => judgeCertificate(check, validToDate, now)),
  );
}

function geoDataAgeMs(): number | null {
  const own = createRequire(import.meta.url).resolve('geoip-lite/package.json');
  const folder = process.env['GEODATADIR'] ?? join(dirname(own), 'data');
  const file = join(folder, 'geoip-city.dat');
  return existsSync(file) ? Date.now() - statSync(file).mtimeMs : null;
}
