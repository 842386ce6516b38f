import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  noReaders,
  readersOf,
  stepReaders,
  type LogReaders,
  type ReaderFacts,
} from '../../../../../services/replicator/core/log-readers.ts';
import type { LogReader } from '../../../../../services/replicator/core/log-retention.ts';
import { formatPosition } from '../../../../../shared/core/position.ts';
import { at } from '../../../../helpers/control-records.ts';

const patienceMs = 1000;
const dayMs = 24 * 60 * 60 * 1000;

function us(position: string | null, changes: Partial<ReaderFacts> = {}): ReaderFacts {
  const said = position === null ? null : at(position);
  return {
    ...{ name: 'us-east', isConnected: true, position: said, heardAtMs: 0, role: 'replica' },
    ...changes,
  };
}

const ap = (position: string): ReaderFacts => ({ ...us(position), name: 'ap-south' });

interface Look {
  readonly nowMs: number;
  readonly facts: readonly ReaderFacts[];
  readonly logEnd?: string;
  readonly begins?: string;
}

function known(looks: readonly Look[]): LogReaders {
  return looks.reduce<LogReaders>((before, { facts, nowMs, logEnd, begins }) => {
    const span = { logEnd: at(logEnd ?? '1:0/90'), begins: at(begins ?? '1:0/0') };
    return stepReaders(before, { facts, ...span }, nowMs);
  }, noReaders);
}

function first(looks: readonly Look[], nowMs: number): LogReader | undefined {
  return readersOf(known(looks), patienceMs, nowMs)[0];
}

const positionOf = (reader: LogReader | undefined): string | null =>
  reader?.position === undefined || reader.position === null
    ? null
    : formatPosition(reader.position);

describe('whether a reader is active', () => {
  const rows: readonly (readonly [string, readonly Look[], number, boolean])[] = [
    ['it has just been seen', [{ nowMs: 0, facts: [us('1:0/10')] }], 900, true],
    ['it stands still', [{ nowMs: 0, facts: [us('1:0/10')] }], 1000, false],
    [
      'it stands still where the log ends',
      [0, 5000].map((nowMs) => ({ nowMs, facts: [us('1:0/90')] })),
      5100,
      true,
    ],
    [
      'it moved lately',
      [
        { nowMs: 0, facts: [us('1:0/10')] },
        { nowMs: 5000, facts: [us('1:0/11')] },
      ],
      5900,
      true,
    ],
    [
      'it is not connected',
      [{ nowMs: 0, facts: [us('1:0/10', { isConnected: false })] }],
      0,
      false,
    ],
    [
      'it is seeded, however long it takes',
      [0, 9000].map((nowMs) => ({ nowMs, facts: [us('1:0/10', { role: 'joining' })] })),
      99_000,
      true,
    ],
    [
      'but not for ever',
      [0, dayMs].map((nowMs) => ({ nowMs, facts: [us('1:0/10', { role: 'joining' })] })),
      dayMs + patienceMs,
      false,
    ],
  ];
  for (const [name, looks, nowMs, expected] of rows) {
    it(name, () => assert.equal(first(looks, nowMs)?.isActive, expected));
  }
});

describe('what a reader needs', () => {
  it('everything when it has never said how far it is', () => {
    assert.equal(positionOf(first([{ nowMs: 0, facts: [us(null)] }], 0)), null);
  });

  it('what follows its position, also when that went back', () => {
    const looks = ['1:0/20', '1:0/10'].map((text, nowMs) => ({ nowMs, facts: [us(text)] }));
    assert.equal(positionOf(first(looks, 1)), '1:0/10');
  });

  it('while it is seeded, what follows the least position of all others', () => {
    const looks = [
      { nowMs: 0, facts: [us('1:0/60'), ap('1:0/30')] },
      { nowMs: 1, facts: [us('1:0/60', { role: 'joining' }), ap('1:0/40')] },
      { nowMs: 2, facts: [us('1:0/60', { role: 'joining' }), ap('1:0/80')] },
    ];
    assert.equal(positionOf(first(looks, 2)), '1:0/30');
  });

  it('of another one that was passed nothing is counted', () => {
    const looks: Look[] = [
      { nowMs: 0, facts: [us('1:0/60'), ap('1:0/30')], begins: '1:0/50' },
      {
        nowMs: 1,
        facts: [us('1:0/60', { role: 'joining' }), ap('1:0/30')],
        begins: '1:0/50',
      },
    ];
    assert.equal(positionOf(first(looks, 1)), '1:0/90');
  });

  it('everything of one that is seeded already when it is first seen', () => {
    const looks = [0, 1].map((nowMs) => ({ nowMs, facts: [us('1:0/60', { role: 'joining' })] }));
    assert.equal(positionOf(first(looks, 1)), null);
  });

  it('its old word does not count after its seed, its new one does', () => {
    const before = [
      { nowMs: 10, facts: [us('1:0/60', { heardAtMs: 5 }), ap('1:0/30')] },
      { nowMs: 20, facts: [us('1:0/60', { heardAtMs: 5, role: 'joining' }), ap('1:0/30')] },
      { nowMs: 30, facts: [us('1:0/60', { heardAtMs: 5 }), ap('1:0/80')] },
    ];
    assert.equal(positionOf(first(before, 30)), '1:0/30');
    const after = { nowMs: 40, facts: [us('1:0/70', { heardAtMs: 35 }), ap('1:0/80')] };
    assert.equal(positionOf(first([...before, after], 40)), '1:0/70');
  });
});

it('who is not asked about any more is forgotten', () => {
  const looks = [
    { nowMs: 0, facts: [us('1:0/60'), ap('1:0/30')] },
    { nowMs: 1, facts: [ap('1:0/30')] },
  ];
  assert.deepEqual(
    readersOf(known(looks), patienceMs, 1).map(({ name }) => name),
    ['ap-south'],
  );
});
