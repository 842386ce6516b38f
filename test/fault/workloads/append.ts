/** W3: serializable transactions that read and append to one to four lists, with unique items. */
import { findAppendViolations } from '../checkers/append.ts';
import type { Access } from '../checkers/transaction-graph.ts';
import type { Operation } from '../run/history.ts';
import { strong, type ReplyBody } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const listsAtOnce = 5;
/** Transactions before new lists are taken: what reads show stays short. */
const transactionsOfLists = 150;

interface Counter {
  item: number;
  transactions: number;
}

export const append: Workload = {
  id: 'W3',
  setUp: ["CREATE TABLE fault.list (key text PRIMARY KEY, items text NOT NULL DEFAULT '')"],
  run(context) {
    const counter = { item: 0, transactions: 0 };
    return context.regions.map((region) => runClient(context, region, counter));
  },
  async check(history, { regions, rows }) {
    const last = history.reduce((latest, { endedMs }) => Math.max(latest, endedMs), 0) + 1;
    const ends = regions.map(async (region): Promise<Operation> => {
      const held = await rows(region, 'SELECT key, items FROM fault.list');
      const output = held.map((row) => readOf(String(row['key']), row['items']));
      const who = { client: 'the end', region, name: 'read', key: 'all', code: '' };
      const times = { startedMs: last, endedMs: last + 1, epoch: null, servedBy: null };
      return { ...who, ...times, input: output, output, outcome: 'ok' };
    });
    return findAppendViolations([...history, ...(await Promise.all(ends))]);
  },
};

async function runClient(context: LoadContext, region: string, counter: Counter): Promise<void> {
  const session = context.session(`append ${region}`);
  while (context.isRunning()) {
    const lists = Math.floor((counter.transactions += 1) / transactionsOfLists);
    const keys = Array.from({ length: listsAtOnce }, (_, index) => `l${lists}-${index}`);
    const input = Array.from({ length: 1 + Math.floor(context.random() * 4) }, (): Access => {
      const key = pick(keys, context.random);
      if (context.random() < 0.5) return { kind: 'read', key, items: [] };
      return { kind: 'append', key, item: (counter.item += 1) };
    });
    const name = input.every(({ kind }) => kind === 'read') ? 'read' : 'append';
    const body = { statements: input.map(statementOf), isolation: 'serializable' };
    const call = { path: '/v1/transaction', body, headers: strong } as const;
    const read = (reply: ReplyBody): readonly Access[] => withReads(input, reply);
    await session.ask({ region, name, key: 'all', input, call, read });
    await context.pace(100);
  }
}

function statementOf(access: Access): { sql: string; params: readonly unknown[] } {
  if (access.kind === 'read') {
    return { sql: 'SELECT items FROM fault.list WHERE key = $1', params: [access.key] };
  }
  const sql =
    'INSERT INTO fault.list VALUES ($1, $2) ' +
    "ON CONFLICT (key) DO UPDATE SET items = fault.list.items || ' ' || excluded.items";
  return { sql, params: [access.key, String(access.item)] };
}

function withReads(input: readonly Access[], { results = [] }: ReplyBody): readonly Access[] {
  return input.map((access, index) =>
    access.kind === 'read' ? readOf(access.key, results[index]?.rows?.[0]?.['items']) : access,
  );
}

function readOf(key: string, text: unknown): Access {
  const words = typeof text === 'string' ? text.split(' ') : [];
  return { kind: 'read', key, items: words.map(Number) };
}
