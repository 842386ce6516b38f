/**
 * The text that PostgreSQL gets for a JSON parameter. null: NULL; string: as it is; number and
 * boolean: their text; array: a PostgreSQL array (of such values); object: JSON. A JSON array for
 * a json column is sent as a string that holds it.
 */
import { formatArrayText, type ArrayItem } from './array-text.ts';

/** The text form of `value`, or null for NULL. */
export function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return formatArrayText(value.map(arrayItem));
  if (typeof value === 'object') return JSON.stringify(value);
  return plainText(value);
}

function arrayItem(value: unknown): ArrayItem {
  return Array.isArray(value) ? value.map(arrayItem) : parameterText(value);
}

function plainText(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : '';
}
