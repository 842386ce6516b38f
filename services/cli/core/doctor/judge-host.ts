/** What a host must be like: judged from plain figures. */
import { failed, ok, warning, type Finding } from './finding.ts';

const nodeMajor = 24;
const gigabyte = 1024 ** 3;
const freeMin = gigabyte;
const freeLow = 5 * gigabyte;
const dayMs = 24 * 3600 * 1000;
const certificateSoonDays = 30;
const geoOldDays = 90;
/** Certificates and tokens bear a little; a person reads times of several hosts side by side. */
const skewLowMs = 2000;
const skewMaxMs = 30_000;

export function judgeNode(version: string): Finding {
  const major = Number(/^v?(\d+)/.exec(version)?.[1]);
  if (major >= nodeMajor) return ok('node', version);
  return failed('node', version, `Node ${String(nodeMajor)}: node infra/scripts/prepare.mjs`);
}

/** `why` is null when every address is free. */
export function judgePorts(why: string | null, count: number): Finding {
  if (why === null) return ok('ports', `${String(count)} addresses are free`);
  return failed('ports', why.replace(/\.$/, ''), 'end that process, or change the cluster file');
}

export function judgeDisk(check: string, freeBytes: number): Finding {
  const found = `${(freeBytes / gigabyte).toFixed(1)} GB free`;
  if (freeBytes < freeMin) return failed(check, found, 'make room: servers stop when it is full');
  if (freeBytes < freeLow) {
    return warning(check, found, 'make room: WAL that a slot holds back may take 4 GB');
  }
  return ok(check, found);
}

export function judgeCertificate(check: string, validTo: Date, now: Date): Finding {
  const days = Math.floor((validTo.getTime() - now.getTime()) / dayMs);
  const found = `valid until ${validTo.toISOString().slice(0, 10)}, ${String(days)} days`;
  const fix = 'npx meridian certificates renew <secrets file> --authority <folder>';
  if (validTo <= now) return failed(check, `expired on ${validTo.toISOString()}`, fix);
  return days < certificateSoonDays ? warning(check, found, fix) : ok(check, found);
}

export function judgeGeoData(ageMs: number | null): Finding {
  const fix = 'npm update geoip-lite, or name a newer folder in GEODATADIR';
  if (ageMs === null) return failed('geo data', 'not found', fix);
  const days = Math.floor(ageMs / dayMs);
  const found = `${String(days)} days old`;
  return days > geoOldDays ? warning('geo data', found, fix) : ok('geo data', found);
}

/** `skewMs`: the other clock minus ours, known to about half a second. */
export function judgeClock(check: string, skewMs: number): Finding {
  const seconds = (skewMs / 1000).toFixed(1);
  const found = `its clock differs by ${seconds} s`;
  const fix = 'run a time service (chrony, systemd-timesyncd) on both hosts';
  if (Math.abs(skewMs) > skewMaxMs) return failed(check, found, fix);
  return Math.abs(skewMs) > skewLowMs ? warning(check, found, fix) : ok(check, found);
}

/** A round trip beyond what lease and timers were made for; null: no answer. */
export function judgeRoundTrip(
  check: string,
  roundTripMs: number | null,
  leaseTtlMs: number,
): Finding {
  if (roundTripMs === null) {
    const fix = 'start that region, and let this host reach the port';
    return warning(check, 'does not answer', fix);
  }
  const found = `round trip ${roundTripMs.toFixed(1)} ms`;
  if (roundTripMs * 10 > leaseTtlMs) {
    return warning(check, found, 'raise policy.leaseTtlMs above ten round trips');
  }
  return ok(check, found);
}
