/** PostgreSQL's text form of dates, times and intervals (DateStyle ISO), as `pg` reads them. */

const dayText = /^(\d{4,})-(\d{2})-(\d{2})/.source;
const timeText = /(?: (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?)?/.source;
const zoneText = /([+-]\d{2}(?::\d{2}){0,2})?( BC)?$/.source;
const dateText = new RegExp(dayText + timeText + zoneText);

/** A Date; without an offset it is local time. `infinity` becomes a number, others stay text. */
export function parseDate(text: string): Date | number | string {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const match = dateText.exec(text);
  if (match === null) return text;
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', zone, bc] = match;
  const fullYear = bc === undefined ? Number(year) : 1 - Number(year);
  const milliseconds = Math.floor(Number(`0.${fraction || '0'}`) * 1000 + 1e-6);
  const date = new Date(0);
  if (zone === undefined) {
    date.setFullYear(fullYear, Number(month) - 1, Number(day));
    date.setHours(Number(hour), Number(minute), Number(second), milliseconds);
    return date;
  }
  date.setUTCFullYear(fullYear, Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), milliseconds);
  return new Date(date.getTime() - offsetMs(zone));
}

function offsetMs(zone: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = zone.slice(1).split(':').map(Number);
  const size = (hours * 3600 + minutes * 60 + seconds) * 1000;
  return zone.startsWith('-') ? -size : size;
}

/** Parts that are not zero, with `toPostgres`, so that it can be sent back. */
export class Interval {
  readonly years?: number;
  readonly months?: number;
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
  readonly milliseconds?: number;

  constructor(parts: Readonly<Record<string, number>>) {
    Object.assign(this, parts);
  }

  toPostgres(): string {
    const { milliseconds = 0, seconds = 0, ...rest } = this;
    const parts = Object.entries(rest).map(([unit, value]) => `${String(value)} ${unit}`);
    return [...parts, `${seconds + milliseconds / 1000} seconds`].join(' ');
  }
}

/** IntervalStyle postgres, e.g. `1 year 2 mons 3 days 04:05:06.789`. */
export function parseInterval(text: string): Interval {
  const parts: Record<string, number> = {};
  const units: Readonly<Record<string, string>> = { year: 'years', mon: 'months', day: 'days' };
  for (const [, value, unit = ''] of text.matchAll(/([+-]?\d+) (year|mon|day)s?/g)) {
    const name = units[unit];
    if (name !== undefined && Number(value) !== 0) parts[name] = Number(value);
  }
  const clock = /([+-])?(\d+):(\d{2}):(\d{2})(?:\.(\d{1,6}))?$/.exec(text);
  if (clock !== null) {
    const [, sign, hours, minutes, seconds, fraction = '0'] = clock;
    const factor = sign === '-' ? -1 : 1;
    const named = { hours, minutes, seconds, milliseconds: Number(`0.${fraction}`) * 1000 };
    for (const [name, value] of Object.entries(named)) {
      if (Number(value) !== 0) parts[name] = factor * Number(value);
    }
  }
  return new Interval(parts);
}
