/** What a PostgreSQL server must be like, judged from its settings, slots and Meridian's role. */
import { failed, ok, warning, type Finding } from './finding.ts';

export interface ServerFacts {
  /** `server_version_num`. */
  readonly versionNumber: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly isSuperuser: boolean;
  readonly encoding: string;
  readonly slots: readonly SlotFacts[];
}

export interface SlotFacts {
  readonly name: string;
  readonly status: string;
  readonly isActive: boolean;
  readonly heldBytes: number;
  /** Transactions since the oldest whose catalog rows the slot keeps. */
  readonly catalogAge: number;
}

const versionMin = 170_000;
const senders = 4;
const heldBytesHigh = 1024 ** 3;
const catalogAgeHigh = 500_000_000;

/** Settings that are refused, with what they must be. */
const required: readonly (readonly [name: string, isRight: (value: string) => boolean, string])[] =
  [
    ['wal_level', (value) => value === 'logical', 'logical'],
    ['max_prepared_transactions', (value) => value === '0', '0: they would survive a promotion'],
    ['restart_after_crash', (value) => value === 'off', 'off'],
    ['synchronous_standby_names', (value) => value !== '', 'never empty: no commit would wait'],
    ['event_triggers', (value) => value === 'on', 'on'],
    ['max_wal_senders', (value) => Number(value) >= senders, `at least ${String(senders)}`],
    ['max_replication_slots', (value) => Number(value) >= senders, `at least ${String(senders)}`],
    ['fsync', (value) => value === 'on', 'on'],
    ['full_page_writes', (value) => value === 'on', 'on'],
    ['data_checksums', (value) => value === 'on', 'on'],
  ];

export function judgeServer(node: string, facts: ServerFacts): Finding[] {
  const check = `postgres ${node}`;
  const [major, minor] = [Math.floor(facts.versionNumber / 10_000), facts.versionNumber % 10_000];
  const version = `${String(major)}.${String(minor)}`;
  const wrong = required
    .filter(([name, isRight]) => !isRight(facts.settings[name] ?? ''))
    .map(([name, , must]) => {
      const found = `${name} is ${facts.settings[name] ?? 'unknown'}`;
      return failed(check, found, `it must be ${must}; the node agent sets it at a start`);
    });
  const findings: Finding[] = [...wrong];
  if (facts.versionNumber < versionMin) {
    findings.push(failed(check, `version ${version}`, 'PostgreSQL 17 or newer'));
  }
  if (!facts.isSuperuser) {
    findings.push(failed(check, 'meridian_owner is no superuser', 'ALTER ROLE … SUPERUSER'));
  }
  if (facts.encoding !== 'UTF8') {
    findings.push(failed(check, `encoding ${facts.encoding}`, 'a database of encoding UTF8'));
  }
  if (findings.length === 0)
    findings.push(ok(check, `version ${version}, settings as they must be`));
  return [...findings, ...facts.slots.map((slot) => judgeSlot(node, slot))];
}

function judgeSlot(node: string, slot: SlotFacts): Finding {
  const check = `slot ${node} ${slot.name}`;
  const held = `${String(Math.round(slot.heldBytes / 1024 / 1024))} MB held`;
  if (slot.status === 'lost') {
    const fix = 'none by hand: the controller seals and opens the next epoch, or seeds anew';
    return failed(check, 'lost: it needs WAL that is gone', fix);
  }
  if (!slot.isActive && slot.heldBytes > heldBytesHigh) {
    return warning(check, `nobody reads it, ${held}`, 'start its reader, see npx meridian status');
  }
  if (slot.catalogAge > catalogAgeHigh) {
    const found = `keeps rows of ${String(slot.catalogAge)} transactions ago`;
    return warning(check, found, 'start its reader, or remove its region');
  }
  return ok(check, `${slot.isActive ? 'read' : 'not read now'}, ${held}`);
}
