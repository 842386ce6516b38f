/** The statements that the router puts around a caller's own. */
import type { Caller, DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import { synchronousCommitOf, type DurabilityMode } from '../../../../shared/core/durability.ts';
import { parameterText } from '../../core/parameter-form.ts';
import type { ExchangeStep } from './exchange.ts';

export interface SessionSettings {
  readonly caller: Caller;
  readonly durability: DurabilityMode;
  /** Bound of each statement on the server; never of the COMMIT. */
  readonly statementTimeoutMs: number;
  readonly requestId: string;
}

const settingNames = [
  'role',
  'synchronous_commit',
  'statement_timeout',
  'meridian.claims',
  'meridian.request_id',
];

/** Columns that set a caller's settings for the transaction; `settingValues` are the parameters. */
export const settingColumns = settingNames
  .map((name, at) => `set_config('${name}', $${at + 1}, true)`)
  .join(', ');

const settingsSql = `SELECT ${settingColumns}`;

/** SET LOCAL of role, durability, time-out and claims, in one statement. */
export function settingsStep(settings: SessionSettings): ExchangeStep {
  return { sql: settingsSql, values: settingValues(settings), isConstant: true };
}

/** Values of a caller's settings, in the order of `settingColumns`. */
export function settingValues(settings: SessionSettings): readonly string[] {
  const { caller, durability, statementTimeoutMs, requestId } = settings;
  return [
    caller.role,
    synchronousCommitOf(durability),
    String(Math.max(1, Math.ceil(statementTimeoutMs))),
    claimsText(caller.claims),
    requestId,
  ];
}

const claimsTexts = new WeakMap<object, string>();

/** The claims of one token come with every request of its holder. */
function claimsText(claims: Caller['claims']): string {
  const known = claimsTexts.get(claims);
  if (known !== undefined) return known;
  const text = JSON.stringify(claims);
  claimsTexts.set(claims, text);
  return text;
}

/** Role and durability of the whole session, for a statement that runs outside a transaction. */
export function sessionSettingsStep(role: string, durability: DurabilityMode): ExchangeStep {
  const sql = `SELECT set_config('default_transaction_read_only', 'off', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit', $1, false), set_config('role', $2, false)`;
  return { sql, values: [synchronousCommitOf(durability), role] };
}

/** BEGIN in the asked form: read committed for writing, one snapshot for reading, by default. */
export function beginStep(options: {
  readonly isolation: DataRequest['isolation'];
  readonly isReadOnly: boolean;
}): ExchangeStep {
  const isolation =
    options.isolation ?? (options.isReadOnly ? 'repeatable read' : 'read committed');
  const mode = options.isReadOnly ? 'READ ONLY' : 'READ WRITE';
  return constant(`BEGIN ISOLATION LEVEL ${isolation} ${mode}`);
}

export const commitStep = constant('COMMIT');
export const rollbackStep = constant('ROLLBACK');

/** How much of a reply's rows is kept; more is cut off. */
export interface KeptRows {
  /** Of each result. */
  readonly rowsMax: number;
  /** Of all results together; the rows of one message may go beyond it. */
  readonly bytesMax: number;
}

/** The caller's statements, with a bound on the rows kept of each. */
export function callerSteps(
  statements: DataRequest['statements'],
  options: KeptRows & Pick<ExchangeStep, 'mustFinish' | 'isRepeated' | 'isOwnReply'>,
): ExchangeStep[] {
  return statements.map(({ sql, params }) => ({
    sql,
    values: params.map(parameterText),
    ...options,
  }));
}

const fenceCheckSql = `SELECT 1 / count(*), pg_current_xact_id_if_assigned()
  FROM meridian_local.fence
  WHERE open_epoch = $1::int AND sealed_epoch <= $1::int AND NOT pg_is_in_recovery()`;

/**
 * Fails with division_by_zero unless this node is open for `epoch` and not sealed beyond it: what
 * follows in the same exchange, a COMMIT for instance, is then skipped. `readXid` reads its row.
 */
export function fenceCheckStep(epoch: number): ExchangeStep {
  return { sql: fenceCheckSql, values: [String(epoch)], isConstant: true };
}

/** The transaction's id as logical decoding names it (32 bits); null when it wrote nothing. */
export function readXid(result: StatementResult | undefined): number | null {
  const text = result?.rows[0]?.[1];
  return text === undefined || text === null ? null : Number(BigInt.asUintN(32, BigInt(text)));
}

function constant(sql: string): ExchangeStep {
  return { sql, values: [], isConstant: true };
}
