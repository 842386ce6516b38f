/**
 * Named places where a test makes this process die, pause or fail. Armed by MERIDIAN_FAILPOINTS,
 * `name=kill`, `name=error` or `name=pause:<ms>`, separated by commas; `name=kill@3` acts on the
 * third visit. Costs one lookup in an empty map otherwise.
 */
import { sleep } from './sleep.ts';

type Action = {
  readonly kind: 'kill' | 'error' | 'pause';
  readonly ms: number;
  visitsLeft: number;
};

const armed = parseFailpoints(process.env['MERIDIAN_FAILPOINTS'] ?? '');

/** Does what was armed for `name`, if anything. */
export async function failpoint(name: string): Promise<void> {
  const action = armed.get(name);
  if (action === undefined) return;
  action.visitsLeft -= 1;
  if (action.visitsLeft > 0) return;
  if (action.kind === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action.kind === 'error') throw new Error(`failpoint ${name}`);
  await sleep(action.ms);
}

/** Parses the text of MERIDIAN_FAILPOINTS; entries that read otherwise are refused. */
export function parseFailpoints(text: string): Map<string, Action> {
  const actions = new Map<string, Action>();
  for (const item of text.split(',').filter((part) => part !== '')) {
    const match = /^([a-z0-9.-]+)=(kill|error|pause)(?::(\d+))?(?:@(\d+))?$/.exec(item.trim());
    if (match?.[1] === undefined) throw new RangeError(`MERIDIAN_FAILPOINTS: ${item}`);
    const kind = match[2] as Action['kind'];
    actions.set(match[1], { kind, ms: Number(match[3] ?? 0), visitsLeft: Number(match[4] ?? 1) });
  }
  return actions;
}
