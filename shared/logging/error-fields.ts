/**
 * What of an error goes into a log line. Errors of drivers carry what they were at: the command
 * with its password, the row that broke a constraint. So only fields that are known to hold
 * neither are written.
 */

const plainFields = [
  ...['code', 'retry', 'errno', 'syscall', 'address', 'port', 'signal', 'httpStatus', 'statusCode'],
  ...['severity', 'schema', 'table', 'column', 'constraint', 'dataType', 'routine', 'apiId'],
] as const;
const depthMax = 5;

/** The fields of `error`, its causes and parts included; anything else as a text. */
export function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error;
  const { name, message, stack, cause } = error;
  const given = error as unknown as Record<string, unknown>;
  const fields: Record<string, unknown> = { type: name, message, stack };
  for (const key of plainFields) {
    const value = given[key];
    if (typeof value === 'string' || typeof value === 'number') fields[key] = value;
  }
  // Meridian's own: what its replies show to everybody.
  if (name === 'MeridianError') fields['details'] = given['details'];
  if (depth >= depthMax) return fields;
  if (cause !== undefined) fields['cause'] = errorFields(cause, depth + 1);
  if (error instanceof AggregateError) {
    fields['errors'] = error.errors.slice(0, 10).map((part) => errorFields(part, depth + 1));
  }
  return fields;
}
