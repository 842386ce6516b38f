/**
 * A log is written, followed, cut by epochs and trimmed at random. Whatever is left must complete
 * every reader that may not be passed: a real reader goes over it, from where it stands to the end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkChain,
  clampToCuts,
  placeAt,
} from '../../../../../services/replicator/core/chain-check.ts';
import { lateBeginning } from '../../../../../services/replicator/core/log-beginning.ts';
import { LogMap } from '../../../../../services/replicator/core/log-map.ts';
import { decideTrim, isPassed } from '../../../../../services/replicator/core/log-retention.ts';
import { endPositionOf, type CommitRecord } from '../../../../../shared/core/commit-record.ts';
import type { EpochCut } from '../../../../../shared/core/consistency.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import { zeroLsn, type Lsn } from '../../../../../shared/core/lsn.ts';
import { isAtOrPast, zeroPosition, type Position } from '../../../../../shared/core/position.ts';
import { eu } from '../../../../helpers/control-records.ts';

const limits = { keepMs: 500, keepBytes: 3000, bytesMax: 6000 };
const readerCount = 3;

type Action =
  | { readonly kind: 'commit'; readonly bytes: number; readonly parts: number }
  | { readonly kind: 'idle' }
  /** The last records again: a send whose outcome was unknown. */
  | { readonly kind: 'resend'; readonly count: number }
  /** A new epoch, cut `back` transactions before the end. */
  | { readonly kind: 'promote'; readonly back: number }
  | { readonly kind: 'move'; readonly reader: number; readonly steps: number }
  | { readonly kind: 'toggle'; readonly reader: number }
  | { readonly kind: 'pass'; readonly ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      bytes: fc.integer({ min: 1, max: 900 }),
      parts: fc.constantFrom(1, 1, 1, 3),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'idle' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('resend' as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('promote' as const),
      back: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      reader: fc.nat(readerCount - 1),
      steps: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('toggle' as const), reader: fc.nat(readerCount - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 400 }),
    }),
  },
);

interface Stored {
  readonly offset: bigint;
  readonly record: CommitRecord;
  readonly bytes: number;
}

class World {
  readonly map = new LogMap({ bytes: 300, ms: 100 });
  readonly history: EpochCut[] = [];
  log: Stored[] = [];
  begins = zeroPosition;
  epoch = 0 as Epoch;
  last: Position = zeroPosition;
  ends: Position[] = [];
  nowMs = 0;
  #nextOffset = 0n;
  #nextLsn = 0n;
  readonly readers = Array.from({ length: readerCount }, (_, index) => ({
    name: `reader ${index}`,
    position: zeroPosition,
    isActive: true,
  }));

  append(record: CommitRecord, bytes: number): void {
    const offset = this.#nextOffset as LogOffset;
    this.#nextOffset += 1n;
    this.log.push({ offset, record, bytes });
    const isLocal = record.kind === 'seed';
    const end = isLocal ? null : endPositionOf(record);
    this.map.add({ offset, bytes, end, atMs: this.nowMs });
  }

  commit(bytes: number, parts: number): void {
    const { epoch, last } = this;
    const prevEndLsn = last.endLsn;
    this.#nextLsn += 10n;
    const endLsn = this.#nextLsn as Lsn;
    const head = { epoch, origin: eu, xid: Number(endLsn), commitTimeUs: 0n, messages: [] };
    if (parts === 1) {
      const transactions = [{ ...head, prevEndLsn, endLsn }];
      this.append({ kind: 'transactions', epoch, origin: eu, transactions }, bytes);
    } else {
      for (let part = 0; part < parts; part += 1) {
        const isLast = part === parts - 1;
        const end = isLast ? endLsn : null;
        const chunk = { ...head, kind: 'chunk' as const, part, isLast, prevEndLsn, endLsn: end };
        this.append(chunk, bytes);
      }
    }
    this.#ended({ epoch, endLsn });
  }

  /** The region of this log is ahead of the cut by `back` transactions: those are void from now. */
  promote(back: number): void {
    const own = this.ends.filter(({ epoch }) => epoch === this.epoch);
    const cut = own.at(-1 - back) ?? own[0] ?? this.last;
    this.epoch = (this.epoch + 1) as Epoch;
    this.history.push({ epoch: this.epoch, cut });
    this.append({ kind: 'epoch-start', epoch: this.epoch, origin: eu, cut, timeUs: 0n }, 50);
    for (const reader of this.readers) reader.position = this.clamp(reader.position);
    this.#ended({ epoch: this.epoch, endLsn: zeroLsn });
  }

  clamp(position: Position): Position {
    return clampToCuts(position, this.history);
  }

  move(index: number, steps: number): void {
    const reader = this.readers[index];
    if (reader === undefined || isPassed(reader, this.begins)) return;
    const ahead = this.ends.filter(
      (end) => !isAtOrPast(reader.position, end) && isAtOrPast(this.clamp(end), end),
    );
    reader.position = ahead[Math.min(steps, ahead.length) - 1] ?? reader.position;
  }

  trim(): void {
    const { map, readers, begins } = this;
    const { marks, heldBytes, totalBytes } = map;
    const held = { begins, marks, heldBytes, totalBytes };
    const decision = decideTrim(held, { readers, limits }, this.nowMs);
    if (decision.kind === 'keep') {
      if (heldBytes <= limits.bytesMax) return;
      // Above the limit only an active reader may hold it.
      const active = readers.filter((one) => one.isActive && !isPassed(one, begins));
      const enough = marks.findIndex(
        ({ bytesBefore }) => totalBytes - bytesBefore <= limits.bytesMax,
      );
      for (const { end } of enough < 0 ? marks : marks.slice(0, enough + 1)) {
        assert.ok(active.some(({ position }) => !isAtOrPast(position, end)));
      }
      return;
    }
    for (const { name, isActive } of decision.passed) assert.equal(isActive, false, name);
    const { epoch, last: position } = this;
    this.append({ kind: 'seed', epoch, origin: eu, position, store: 's' }, 40);
    this.log = this.log.filter(({ offset }) => offset >= decision.to.offset);
    map.dropBefore(decision.to);
    this.begins = decision.to.end;
  }

  /** What a reader at `from` finds: how far it gets, or where the log begins for it. */
  read(from: Position): { readonly reached: Position } | { readonly begins: Position } {
    const cuts = { history: this.history, uptoEpoch: this.epoch };
    const first = placeAt(from);
    let place = first;
    for (const { record } of this.log) {
      const verdict = checkChain(place, record, cuts);
      const begins = place === first ? lateBeginning(from, record, { verdict, cuts }) : null;
      if (begins !== null) return { begins };
      assert.notEqual(verdict.kind, 'gap', `at ${JSON.stringify(record, replacer)}`);
      if ('place' in verdict) ({ place } = verdict);
    }
    return { reached: place.position };
  }

  #ended(end: Position): void {
    this.last = end;
    this.ends.push(end);
  }
}

function replacer(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function act(world: World, one: Action): void {
  switch (one.kind) {
    case 'commit':
      return world.commit(one.bytes, one.parts);
    case 'idle':
      return world.append(
        { kind: 'idle', epoch: world.epoch, origin: eu, lsn: world.last.endLsn, timeUs: 0n },
        20,
      );
    case 'resend': {
      for (const { record, bytes } of wholeTail(world.log, one.count)) world.append(record, bytes);
      return;
    }
    case 'promote':
      return world.promote(one.back);
    case 'move':
      return world.move(one.reader, one.steps);
    case 'toggle': {
      const reader = world.readers[one.reader];
      if (reader !== undefined) reader.isActive = !reader.isActive;
      return;
    }
    case 'pass':
      world.nowMs += one.ms;
  }
}

/** The last records of the present epoch; a transaction in parts is sent again whole. */
function wholeTail(log: readonly Stored[], count: number): readonly Stored[] {
  const epoch = log.at(-1)?.record.epoch;
  let from = Math.max(0, log.length - count);
  for (; from > 0; from -= 1) {
    const { record } = log[from] ?? {};
    if (record?.kind !== 'chunk' || record.part === 0) break;
  }
  return log
    .slice(from)
    .filter(({ record }) => record.epoch === epoch && record.kind !== 'epoch-start');
}

test('no reader that is active lacks anything, and one that was passed is told so', () => {
  let trims = 0;
  let passes = 0;
  let told = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 120 }), (actions) => {
      const world = new World();
      world.promote(0);
      for (const one of actions) {
        act(world, one);
        const before = world.begins;
        world.trim();
        if (world.begins !== before) trims += 1;
        for (const reader of world.readers) {
          const found = world.read(reader.position);
          if (isPassed(reader, world.begins)) {
            passes += 1;
            // What was sent twice, or is void, may be all that is gone.
            if ('reached' in found) assert.deepEqual(found.reached, world.last, reader.name);
            else told += 1;
          } else {
            assert.deepEqual(found, { reached: world.last }, reader.name);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(trims > 100 && told > passes / 2, `${trims} trims, ${told} of ${passes} told`);
});
