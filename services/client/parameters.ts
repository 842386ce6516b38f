/** JavaScript values as parameters, where JSON has no form of its own for them. */

/** What goes into the request for `value`: PostgreSQL's text form where JSON has none. */
export function parameterOf(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return localText(value);
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(parameterOf);
  if (typeof value === 'object' && value !== null && 'toPostgres' in value) {
    const { toPostgres } = value;
    if (typeof toPostgres === 'function') return parameterOf(toPostgres.call(value, parameterOf));
  }
  return value;
}

/** Local time with its offset: right for `timestamp` and `timestamptz` alike. */
function localText(date: Date): string {
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const year = date.getFullYear();
  const day = [pad(year < 1 ? 1 - year : year, 4), pad(date.getMonth() + 1), pad(date.getDate())];
  const time = [pad(date.getHours()), pad(date.getMinutes()), pad(date.getSeconds())];
  const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  const text = `${day.join('-')}T${time.join(':')}.${pad(date.getMilliseconds(), 3)}${zone}`;
  return year < 1 ? `${text} BC` : text;
}
