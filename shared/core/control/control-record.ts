/**
 * The records of the control log: the few that decide epochs and members (DESIGN.md section 5).
 * One JSON object with `v` each; LSNs and positions as text. Encoding and strict decoding are in
 * `control-record-codec.ts`; what a record does is decided by `control-fold.ts` alone.
 */
import type { Epoch } from '../epoch.ts';
import type { NodeId } from '../node.ts';
import type { Position } from '../position.ts';
import type { RegionId } from '../region.ts';

/** Every value that the fold or a lease uses. Configuration only proposes one. */
export interface Policy {
  /** Compare-and-set: void unless it is the version in force + 1. */
  readonly version: number;
  readonly clusterId: string;
  readonly regions: readonly RegionId[];
  /** All regions, the first one preferred: breaks ties and opens epoch 1. */
  readonly priority: readonly RegionId[];
  /** Confirmations a semi-sync write needs. */
  readonly k: number;
  readonly ttlMs: number;
  readonly marginMs: number;
  /** Number of the fold's own rules. */
  readonly rules: number;
}

export interface OperationLabel {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock time, a label only. */
  readonly atMs: number;
}

/** Names the seals that the person was shown; void if they have changed. */
export interface Force {
  readonly acceptDataLoss: true;
  readonly seals: readonly { readonly region: RegionId; readonly position: Position }[];
}

export type ChangeKind = 'failover' | 'switchover';

export interface PolicyRecord {
  readonly kind: 'policy';
  readonly policy: Policy;
}
export interface HelloRecord {
  readonly kind: 'hello';
  readonly region: RegionId;
  /** Unique per start of a controller. */
  readonly incarnation: string;
  readonly maxRules: number;
  /** The node the controller works on, a label. */
  readonly node: NodeId | null;
}
export interface RenewRecord {
  readonly kind: 'renew';
  readonly epoch: Epoch;
  readonly region: RegionId;
  readonly incarnation: string;
  readonly seq: number;
}
export interface PrepareRecord {
  readonly kind: 'prepare';
  /** The epoch it opens: the folded epoch + 1. */
  readonly epoch: Epoch;
  /** Void unless the current attempt's + 1 (1 for the first). */
  readonly attempt: number;
  readonly change: ChangeKind;
  readonly preferred: RegionId | null;
  readonly force: Force | null;
  readonly operation: OperationLabel | null;
}
export interface SealRecord {
  readonly kind: 'seal';
  /** The epoch of the prepare it answers. */
  readonly epoch: Epoch;
  readonly region: RegionId;
  readonly store: string;
  readonly position: Position;
  /** Only from the very node that opened the current epoch. */
  readonly final: boolean;
  /** Highest position it ever confirmed to a client, if it knows. */
  readonly confirmed: Position | null;
}
export interface MemberRecord {
  readonly kind: 'member';
  readonly epoch: Epoch;
  /** Compare-and-set on the version of the member set. */
  readonly version: number;
  readonly action: 'add' | 'remove';
  readonly region: RegionId;
  readonly store: string;
}
export interface DegradeRecord {
  readonly kind: 'degrade';
  readonly epoch: Epoch;
  readonly version: number;
  readonly k: number;
}
export interface PauseRecord {
  readonly kind: 'pause';
  /** No automatic failover for that long from when each region read it; 0 resumes. */
  readonly durationMs: number;
  readonly operation: OperationLabel | null;
}

/** Access tokens that no region accepts any more; `atMs` only drops what has expired since. */
export interface RevokeRecord {
  readonly kind: 'revoke';
  readonly revocation: Revocation;
  readonly atMs: number;
  readonly operation: OperationLabel;
}
/** One token by its id, or every token of a subject that was issued before a time. */
export interface Revocation {
  readonly tokenId: string | null;
  readonly subject: string | null;
  readonly issuedBeforeMs: number;
  /** No such token is valid for longer. */
  readonly untilMs: number;
}
/** What an operator did and no other record says: kept for people, no condition reads it. */
export interface AuditRecord {
  readonly kind: 'audit';
  readonly verb: 'discard';
  readonly region: RegionId;
  readonly epoch: Epoch;
  readonly operation: OperationLabel;
}
/** Traffic of one region, at its gateway. */
export interface TrafficRecord {
  readonly kind: 'traffic';
  readonly region: RegionId;
  readonly isAccepting: boolean;
  readonly operation: OperationLabel | null;
}
/** Takes a region into the policy or out of it: the policy of that version, else as it was. */
export interface RegionRecord {
  readonly kind: 'region';
  /** Compare-and-set: void unless it follows the version of the policy in force. */
  readonly version: number;
  readonly action: 'add' | 'remove';
  readonly region: RegionId;
  readonly operation: OperationLabel;
}
/** What a region found out about a change of primary: for people, no condition reads it. */
export interface NoteRecord {
  readonly kind: 'note';
  /** The epoch that the change opened. */
  readonly epoch: Epoch;
  readonly region: RegionId;
  readonly note: Note;
}

export type Note =
  /**
   * The new primary is open: `pauseMs` after the prepare was read, or after the last renewal of an
   * old primary that was lost; monotonic time of the new primary's controller.
   */
  | { readonly about: 'opened'; readonly pauseMs: number }
  /**
   * What a region held beyond the cut. `mayBeConfirmed`: a semi-sync or sync write can be among
   * it. `isListed` false: the tail could not be read, its data are kept aside.
   */
  | {
      readonly about: 'tail';
      readonly transactions: number;
      readonly rows: number;
      readonly mayBeConfirmed: boolean;
      readonly isListed: boolean;
    };

/** Whether two notes say the same. */
export function isSameNote(a: Note, b: Note): boolean {
  if (a.about === 'opened' || b.about === 'opened') return a.about === b.about;
  return (
    a.transactions === b.transactions &&
    a.rows === b.rows &&
    a.mayBeConfirmed === b.mayBeConfirmed &&
    a.isListed === b.isListed
  );
}

export type ControlRecord =
  | PolicyRecord
  | RegionRecord
  | HelloRecord
  | RenewRecord
  | PrepareRecord
  | SealRecord
  | MemberRecord
  | DegradeRecord
  | PauseRecord
  | TrafficRecord
  | RevokeRecord
  | AuditRecord
  | NoteRecord;
