/** What a Kafka that Meridian did not start must be like, judged from what its brokers say. */
import { failed, ok, skipped, warning, type Finding } from './finding.ts';

export interface KafkaFacts {
  /** `kafka-1.example:9092`. */
  readonly place: string;
  readonly roundTripMs: number;
  readonly brokers: readonly { readonly nodeId: number; readonly rack: string | null }[];
  /** Of the region's broker; null where they may not be asked for. */
  readonly settings: Readonly<Record<string, string>> | null;
}

export interface ExpectedBroker {
  readonly id: string;
  readonly nodeId: number;
}

/** A lost broker is noticed within these; the lease outlasts them by `slackMs` (decision 0020). */
const stalls = ['broker.session.timeout.ms', 'replica.lag.time.max.ms'] as const;
const slackMs = 2000;
/** Each heartbeat must be answered within it, over lines of 200 ms two round trips late. */
const heartbeat = 'broker.heartbeat.interval.ms';
const heartbeatMsMin = 1500;
export const judgedSettings = [...stalls, heartbeat, 'socket.request.max.bytes'] as const;

/** The largest batch of the data log. */
const requestBytesMin = 17 * 1024 * 1024;
/** Appends to the region's own log are in every commit's way. */
const nearMs = 10;

export function judgeKafka(
  facts: KafkaFacts,
  expected: readonly ExpectedBroker[],
  leaseTtlMs: number,
): Finding[] {
  return [
    judgeReach(facts),
    ...expected.map((broker) => judgeBroker(broker, facts)),
    ...judgeSettings(facts.settings, leaseTtlMs),
    warning(
      'kafka controllers',
      "they are not Meridian's: where they are and how fast they choose a leader it cannot see",
      'have three in three failure domains; without two of them nothing is decided',
    ),
  ];
}

function judgeReach({ place, roundTripMs }: KafkaFacts): Finding {
  const found = `${place}, not started here, answers in ${roundTripMs.toFixed(1)} ms`;
  if (roundTripMs <= nearMs) return ok('kafka', found);
  return warning(
    'kafka',
    found,
    "name the broker in this region: its log is in every commit's way",
  );
}

/** Copies of the control log are placed by these ids; that they are apart rests on the racks. */
function judgeBroker({ id, nodeId }: ExpectedBroker, { brokers }: KafkaFacts): Finding {
  const check = `kafka broker of ${id}`;
  const broker = brokers.find((one) => one.nodeId === nodeId);
  if (broker === undefined) {
    const known = brokers.map((one) => String(one.nodeId)).join(', ');
    return failed(check, `no broker ${String(nodeId)}, there are ${known}`, 'correct its nodeId');
  }
  if (broker.rack === id) return ok(check, `node ${String(nodeId)}, rack ${id}`);
  const rack = broker.rack === null ? 'no rack' : `rack ${broker.rack}`;
  const fix = `see that it is in ${id}: the cluster file says so, its broker.rack does not`;
  return warning(check, `node ${String(nodeId)} has ${rack}`, fix);
}

function judgeSettings(settings: KafkaFacts['settings'], leaseTtlMs: number): Finding[] {
  const check = 'kafka settings';
  if (settings === null) return [skipped(check, 'its user may not ask: DESCRIBE_CONFIGS')];
  const findings: Finding[] = [];
  const longest = leaseTtlMs - slackMs;
  for (const name of stalls.filter((one) => Number(settings[one] ?? 0) > longest)) {
    const fix = `at most ${String(longest)}, or raise policy.leaseTtlMs (${String(leaseTtlMs)})`;
    const found = `${name} is ${settings[name] ?? ''}: a lost broker may cost the lease`;
    findings.push(warning(check, found, fix));
  }
  if (Number(settings[heartbeat] ?? heartbeatMsMin) < heartbeatMsMin) {
    const found = `${heartbeat} is ${settings[heartbeat] ?? ''}: slow lines fence every broker`;
    const fix = `at least ${String(heartbeatMsMin)}, and three within broker.session.timeout.ms`;
    findings.push(warning(check, found, fix));
  }
  const bytes = Number(settings['socket.request.max.bytes'] ?? requestBytesMin);
  if (bytes < requestBytesMin) {
    const fix = `at least ${String(requestBytesMin)}: a batch of the data log is that large`;
    findings.push(failed(check, `socket.request.max.bytes is ${String(bytes)}`, fix));
  }
  return findings.length > 0 ? findings : [ok(check, 'time-outs are within the lease')];
}
