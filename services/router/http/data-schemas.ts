/** Bodies, headers and replies of the data API; the OpenAPI document is made from them. */
import { z } from 'zod';
import { consistencyLevels } from '../../../shared/core/consistency.ts';
import { durabilityModes } from '../../../shared/core/durability.ts';
import type { RouterConfig } from '../config.ts';

const isolations = ['read committed', 'repeatable read', 'serializable'] as const;
export const rowModes = ['object', 'array', 'text'] as const;

/** JSON values of any depth; what they become is documented in core/parameter-form.ts. */
const parameter = z.unknown().describe('null, string, number, boolean, array or object');

function sqlOf(limits: RouterConfig['limits']): z.ZodString {
  return z
    .string()
    .min(1)
    .max(limits.sqlBytesMax)
    .refine((sql) => !sql.includes('\0'), { error: 'must not hold a NUL character' })
    .describe('One SQL statement with parameters $1, $2, …');
}

const settings = {
  consistency: z.enum(consistencyLevels).optional(),
  maxStalenessMs: z.int().min(0).optional(),
  durability: z.enum(durabilityModes).optional(),
  rowMode: z.enum(rowModes).default('object'),
};

/** Body of POST /v1/query. */
export function querySchema(limits: RouterConfig['limits']) {
  return z.strictObject({
    sql: sqlOf(limits),
    params: z.array(parameter).max(limits.parametersMax).default([]),
    ...settings,
  });
}

/** Body of POST /v1/transaction. */
export function transactionSchema(limits: RouterConfig['limits']) {
  const statement = z.strictObject({
    sql: sqlOf(limits),
    params: z.array(parameter).max(limits.parametersMax).default([]),
    expectRows: z.int().min(0).optional(),
  });
  return z.strictObject({
    statements: z.array(statement).min(1).max(limits.statementsMax),
    isolation: z.enum(isolations).optional(),
    readOnly: z.boolean().default(false),
    ...settings,
  });
}

/** Body of POST /v1/transactions. */
export const beginSchema = z
  .strictObject({
    isolation: z.enum(isolations).optional(),
    readOnly: z.boolean().default(false),
    durability: z.enum(durabilityModes).optional(),
  })
  .nullish()
  .transform((body) => body ?? { readOnly: false });

/** Body of POST /v1/transactions/:id/query. */
export function statementSchema(limits: RouterConfig['limits']) {
  return z.strictObject({
    sql: sqlOf(limits),
    params: z.array(parameter).max(limits.parametersMax).default([]),
    rowMode: settings.rowMode,
  });
}

/** The id in the path of a transaction's calls. */
export const transactionIdSchema = z.object({ id: z.string().min(1).max(1024) });
export const emptySchema = z.strictObject({}).nullish();

const milliseconds = z
  .string()
  .regex(/^[0-9]{1,9}$/, { error: 'must be a whole number of milliseconds' })
  .transform(Number);

/** The request headers that count; all others are somebody else's. */
export const headersSchema = z.object({
  'meridian-consistency': z.enum(consistencyLevels).optional(),
  'meridian-max-staleness-ms': milliseconds.optional(),
  'meridian-durability': z.enum(durabilityModes).optional(),
  'meridian-position': z.string().max(1024).optional(),
  cookie: z.string().max(8192).optional(),
  'meridian-deadline-ms': milliseconds.optional(),
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, { error: 'must be 1 to 255 printable characters' })
    .optional(),
});

/** The key in the path of GET /v1/idempotency/:key. */
export const keySchema = z.object({ key: z.string().regex(/^[\x21-\x7e]{1,255}$/) });

export type DataHeaders = z.infer<typeof headersSchema>;

const field = z.object({ name: z.string(), typeOid: z.int() });
const result = z.object({
  rows: z.array(z.unknown()),
  fields: z.array(field),
  rowCount: z.int(),
  command: z.string(),
  truncated: z.literal(true).optional(),
});

export const queryReplySchema = result;
export const transactionReplySchema = z.object({ results: z.array(result) });
/** none: no request under this key has been done so far; one that is still on its way may be. */
export const outcomeReplySchema = z.object({
  outcome: z.enum(['done', 'none']),
  results: z.array(result),
});

export const beginReplySchema = z.object({ id: z.string(), idleTimeoutMs: z.int() });
export const endReplySchema = z.object({ command: z.enum(['COMMIT', 'ROLLBACK']) });

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  retry: z.enum(['never', 'same', 'elsewhere', 'refresh']),
  retryAfterMs: z.number().optional(),
  sqlstate: z.string().optional(),
  requestId: z.string(),
  facts: z.record(z.string(), z.unknown()).optional(),
});

/** A request sent on by another region's router (POST /peer/data). */
export const forwardedSchema = z.object({
  statements: z.array(
    z.object({
      sql: z.string(),
      params: z.array(z.unknown()),
      expectRows: z.int().optional(),
    }),
  ),
  isTransaction: z.boolean(),
  transaction: z
    .union([
      z.object({ kind: z.literal('begin') }),
      z.object({ kind: z.enum(['query', 'commit', 'rollback']), id: z.string().max(1024) }),
    ])
    .optional(),
  isStream: z.boolean().default(false),
  isReadOnly: z.boolean(),
  isolation: z.enum(isolations).nullable(),
  consistency: z.object({
    level: z.enum(consistencyLevels),
    maxStalenessMs: z.number().optional(),
  }),
  token: z.string().nullable(),
  isTokenUpperBound: z.boolean(),
  durability: z.enum(durabilityModes),
  idempotencyKey: z.string().nullable(),
  caller: z.object({
    subject: z.string(),
    role: z.string(),
    canWrite: z.boolean(),
    claims: z.record(z.string(), z.unknown()),
  }),
  remainingMs: z.number().min(0),
  requestId: z.string(),
});

export type ForwardedRequest = z.infer<typeof forwardedSchema>;
