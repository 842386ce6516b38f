/** The look at a node: one statement that every node answers to every role. */
import { parseEpoch } from '../../../../shared/core/epoch.ts';
import { parseLsn } from '../../../../shared/core/lsn.ts';
import type { StatementResult } from '../../../../shared/ports/data-access.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { NodeLook } from '../../core/node-position.ts';
import type { ExchangeStep } from './exchange.ts';
import { settingColumns, settingValues, type SessionSettings } from './session-steps.ts';

/**
 * The flushed LSN, not the insert LSN: what is visible was flushed before (unless a direct client
 * chose synchronous_commit = off), and decoding can pass what is flushed at once.
 */
const lookColumns = `pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
    ELSE pg_current_wal_flush_lsn() END,
  p.epoch, p.end_lsn, f.open_epoch, f.sealed_epoch, pg_current_snapshot()`;

const lookTables = `(SELECT 1) AS one
  LEFT JOIN meridian_local.progress p ON true
  LEFT JOIN meridian_local.fence f ON true`;

const lookSql = `SELECT ${lookColumns} FROM ${lookTables}`;

export const lookStep: ExchangeStep = { sql: lookSql, values: [], isConstant: true };

const lookWithSettingsSql = `SELECT ${lookColumns}, ${settingColumns} FROM ${lookTables}`;

/** The look and SET LOCAL of a caller's settings in one statement; `readLook` reads its row. */
export function lookWithSettings(settings: SessionSettings): ExchangeStep {
  return { sql: lookWithSettingsSql, values: settingValues(settings), isConstant: true };
}

/** The row of `lookStep`; throws ProtocolViolation when it is no such row. */
export function readLook(result: StatementResult | undefined): NodeLook {
  const [recovery, lsn, epochText, endText, openText, sealedText, snapshot] = result?.rows[0] ?? [];
  if (recovery === undefined) {
    throw new MeridianError('ProtocolViolation', 'A node gave no account of itself.');
  }
  const epoch = parseEpoch(Number(epochText ?? Number.NaN));
  const endLsn = parseLsn(endText ?? '');
  return {
    isInRecovery: recovery === 't',
    walLsn: parseLsn(lsn ?? ''),
    progress: epoch === null || endLsn === null ? null : { epoch, endLsn },
    openEpoch: openText === null || openText === undefined ? null : Number(openText),
    sealedEpoch: Number(sealedText ?? 0),
    snapshot: snapshot ?? '',
  };
}
