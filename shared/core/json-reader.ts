/**
 * Strict reading of JSON objects: every key must be known, every value of its type. For codecs of
 * this folder alone; what does not fit is thrown as NotAsExpected and caught at the codec's edge.
 */
import { parseEpoch, type Epoch } from './epoch.ts';
import { parsePosition, type Position } from './position.ts';
import { parseRegionId, type RegionId } from './region.ts';

/** Why a value is not what was expected; `message` names the place. */
export class NotAsExpected extends Error {
  override name = 'NotAsExpected';
}

/** Reads a value found at `place`, or throws NotAsExpected. */
export type Reader<T> = (value: unknown, place: string) => T;

/** The JSON value of `text`; throws NotAsExpected when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new NotAsExpected('not JSON');
  }
}

/** An object with exactly the keys of `readers`. */
export function readObject<T>(readers: { readonly [K in keyof T]: Reader<T[K]> }): Reader<T> {
  const keys = Object.keys(readers) as (keyof T & string)[];
  return (value, place) => {
    const fields = readFields(value, place);
    const unknown = Object.keys(fields).find((key) => !Object.hasOwn(readers, key));
    if (unknown !== undefined) throw new NotAsExpected(`${place}: unknown key ${unknown}`);
    const entries = keys.map((key) => [key, readers[key](fields[key], `${place}.${key}`)]);
    return Object.fromEntries(entries) as T;
  };
}

/** The fields of an object, unread. */
export function readFields(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NotAsExpected(`${place}: not an object`);
  }
  return value as Record<string, unknown>;
}

/** A list of what `reader` reads, of 10,000 entries at most. */
export function listOf<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length > 10_000) {
      throw new NotAsExpected(`${place}: not a list of at most 10,000`);
    }
    return value.map((item, index) => reader(item, `${place}[${index}]`));
  };
}

/** null, or what `reader` reads. */
export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null ? null : reader(value, place));
}

/** One of `choices`. */
export function oneOf<T extends string | boolean>(...choices: readonly T[]): Reader<T> {
  return (value, place) => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw new NotAsExpected(`${place}: none of ${choices.join(', ')}`);
    return choice;
  };
}

/** A text of at most 10,000 characters. */
export const readText: Reader<string> = (value, place) => {
  if (typeof value === 'string' && value.length <= 10_000) return value;
  throw new NotAsExpected(`${place}: not a text of at most 10,000 characters`);
};

/** A whole number from 0 up to 2^53 - 1. */
export const readCount: Reader<number> = (value, place) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new NotAsExpected(`${place}: not a whole number from 0 on`);
};

export const readBoolean: Reader<boolean> = oneOf<boolean>(true, false);

export const readRegion: Reader<RegionId> = (value, place) =>
  parsed(parseRegionId(readText(value, place)), place, 'a region');

export const readEpoch: Reader<Epoch> = (value, place) =>
  parsed(parseEpoch(value), place, 'an epoch');

export const readPosition: Reader<Position> = (value, place) =>
  parsed(parsePosition(readText(value, place)), place, 'a position');

/** `value` unless the parser that made it answered null. */
export function parsed<T>(value: T | null, place: string, what: string): T {
  if (value === null) throw new NotAsExpected(`${place}: not ${what}`);
  return value;
}
