/** W2: transfers between accounts; every snapshot of any region has the same total. */
import { findWrongTotals } from '../checkers/snapshots.ts';
import { eventual, firstNumber, query, strong } from '../run/session.ts';
import { pick, type LoadContext, type Workload } from '../run/workload.ts';

const [accounts, each] = [6, 100];

export const bank: Workload = {
  id: 'W2',
  setUp: [
    'CREATE TABLE fault.account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0))',
    `INSERT INTO fault.account SELECT i, ${each} FROM generate_series(1, ${accounts}) AS i`,
  ],
  run: (context) => context.regions.map((region) => runClient(context, region)),
  async check(history, { regions, rows }) {
    const wrongReads = findWrongTotals(history, accounts * each);
    const ends = regions.map(async (region) => {
      const [row] = await rows(region, 'SELECT sum(balance)::int AS n FROM fault.account');
      return row?.['n'] === accounts * each ? [] : [`${region} ends with ${String(row?.['n'])}`];
    });
    return [...wrongReads, ...(await Promise.all(ends)).flat()];
  },
};

async function runClient(context: LoadContext, region: string): Promise<void> {
  const session = context.session(`bank ${region}`);
  while (context.isRunning()) {
    if (context.random() < 0.5) {
      const level = context.random() < 0.3 ? strong : eventual;
      const call = query('SELECT sum(balance)::int AS n FROM fault.account', [], level);
      await session.ask({ region, name: 'total', key: 'all', call, read: firstNumber });
    } else {
      await transfer(context, region);
    }
    await context.pace(80);
  }

  async function transfer({ random }: LoadContext, through: string): Promise<void> {
    const ids = Array.from({ length: accounts }, (_, index) => index + 1);
    const from = pick(ids, random);
    const to = pick(
      ids.filter((id) => id !== from),
      random,
    );
    const amount = 1 + Math.floor(random() * 20);
    const statements = [
      {
        sql: 'UPDATE fault.account SET balance = balance - $2 WHERE id = $1 AND balance >= $2',
        params: [from, amount],
        expectRows: 1,
      },
      {
        sql: 'UPDATE fault.account SET balance = balance + $2 WHERE id = $1',
        params: [to, amount],
        expectRows: 1,
      },
    ];
    const call = { path: '/v1/transaction', body: { statements } } as const;
    await session.ask({ region: through, name: 'transfer', key: 'all', call });
  }
}
