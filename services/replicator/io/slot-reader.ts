/** Reads the epoch's slot as a walsender client and tells what came; decides nothing. */
import { formatLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { quoteIdent, quoteLiteral } from '../../../shared/pg/quote.ts';
import { ownSessionOptions, textSettings, type PgTarget } from '../../../shared/pg/client.ts';
import { Walsender, type Keepalive, type StatusPositions } from '../../../shared/pg/walsender.ts';
import { StatusSender } from './status-sender.ts';

export interface SlotTarget {
  readonly pg: Omit<PgTarget, 'applicationName' | 'options'>;
  readonly walsenderName: string;
  readonly slot: string;
  readonly publication: string;
  /** Commits up to here are not sent again. */
  readonly startLsn: Lsn;
  readonly positions: StatusPositions;
}

export interface SlotHandlers {
  readonly onData: (messages: readonly Uint8Array[]) => void;
  readonly onKeepalive: (keepalive: Keepalive) => void;
}

export interface SlotReader {
  readonly status: StatusSender;
  /** Resolves never; rejects when the stream ends. */
  readonly ended: Promise<never>;
  pause(): void;
  resume(): void;
  close(): void;
}

/** Connects and starts streaming; rejects when the slot is missing, lost or in use. */
export async function openSlot(target: SlotTarget, handlers: SlotHandlers): Promise<SlotReader> {
  const walsender = await Walsender.connect({
    ...target.pg,
    applicationName: target.walsenderName,
    options: `${ownSessionOptions} ${textSettings}`,
  });
  try {
    const [row] = await walsender.query(
      "SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'",
    );
    const timeoutMs = Number(row?.['setting'] ?? 60_000);
    return stream(walsender, { target, handlers, timeoutMs });
  } catch (error) {
    walsender.close();
    throw error;
  }
}

function stream(
  walsender: Walsender,
  of: {
    readonly target: SlotTarget;
    readonly handlers: SlotHandlers;
    readonly timeoutMs: number;
  },
): SlotReader {
  const { target, handlers } = of;
  const status = new StatusSender(walsender, target.positions, of.timeoutMs);
  const ended = new Promise<never>((_, reject) => {
    walsender.startReplication(commandOf(target), {
      ...handlers,
      onKeepalive(keepalive) {
        handlers.onKeepalive(keepalive);
        if (keepalive.isReplyRequested) status.send(false);
      },
      onEnd(error) {
        status.stop();
        reject(error ?? new Error('the server ended the replication stream'));
      },
    });
  });
  ended.catch(() => undefined);
  status.send(true);
  return {
    status,
    ended,
    pause: () => walsender.pause(),
    resume: () => walsender.resume(),
    close() {
      status.stop();
      walsender.close();
    },
  };
}

function commandOf({ slot, publication, startLsn }: SlotTarget): string {
  return (
    `START_REPLICATION SLOT ${quoteIdent(slot)} LOGICAL ${formatLsn(startLsn)} ` +
    `(proto_version '1', publication_names ${quoteLiteral(quoteIdent(publication))})`
  );
}
