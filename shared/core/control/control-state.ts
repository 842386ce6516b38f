/**
 * What folding the control log yields. It depends on the records alone, so every region computes
 * the same state at the same offset. No time is in it: `lease` times are kept by each reader.
 * Serialisable as it is by `control-state-codec.ts` (checkpoints).
 */
import type {
  ChangeKind,
  Force,
  NoteRecord,
  OperationLabel,
  Policy,
  Revocation,
  SealRecord,
} from './control-record.ts';
import type { EpochCut } from '../consistency.ts';
import { noEpoch, type Epoch } from '../epoch.ts';
import type { RegionId } from '../region.ts';

export interface Member {
  readonly region: RegionId;
  /** Names the member's log: acknowledgements and seals of another store are not the member's. */
  readonly store: string;
}

/** An open change of primary: from here only `epoch` can open. */
export interface OpenPrepare {
  readonly epoch: Epoch;
  readonly attempt: number;
  readonly change: ChangeKind;
  readonly preferred: RegionId | null;
  readonly force: Force | null;
  readonly operation: OperationLabel | null;
  /** Frozen when the prepare was read. */
  readonly members: readonly Member[];
  readonly oldPrimary: RegionId | null;
  /** The first seal of each region, in the order read. */
  readonly seals: readonly SealRecord[];
}

/** A promotion that happened: who, where the old epoch ended, and why it was safe. */
export interface Promotion extends EpochCut {
  readonly to: RegionId;
  /** The store that sealed: only it may open. */
  readonly store: string;
  readonly from: RegionId | null;
  readonly source: RegionId;
  /** Everything confirmed before is at or below it. */
  readonly safe: EpochCut['cut'];
  readonly change: ChangeKind;
  readonly attempt: number;
  readonly isForced: boolean;
  /** The old primary's final seal was counted: no lease need be waited out. */
  readonly isQuick: boolean;
  readonly operation: OperationLabel | null;
  /** Why it happened, in words, with the facts it rested on. */
  readonly why: string;
}

export interface ControlState {
  readonly policy: Policy | null;
  readonly epoch: Epoch;
  readonly primary: RegionId | null;
  /** Empty at the start of each epoch. */
  readonly members: readonly Member[];
  /** Version of the member set and K of this epoch. */
  readonly version: number;
  /** Confirmations a semi-sync COMMIT waits for now. */
  readonly k: number;
  /** max(1, lowest K in force in this epoch). */
  readonly kLow: number;
  readonly prepare: OpenPrepare | null;
  /** Every promotion so far, oldest first. */
  readonly history: readonly Promotion[];
  /** The latest hello of each region. */
  readonly hellos: readonly {
    readonly region: RegionId;
    readonly incarnation: string;
    readonly maxRules: number;
  }[];
  readonly pause: { readonly durationMs: number; readonly operation: OperationLabel | null } | null;
  /** Regions whose gateways take no traffic of their own, by an operator's word. */
  readonly drained: readonly RegionId[];
  /** Access tokens that no region accepts any more, oldest first. */
  readonly revoked: readonly Revocation[];
  /** Who asked for what, the newest last: every applied record with a label, up to a bound. */
  readonly operations: readonly OperationNoted[];
  /** What regions found out about changes of primary, oldest first; labels alone. */
  readonly notes: readonly NoteRecord[];
}

export type OperatorVerb =
  | 'switchover'
  | 'failover'
  | 'pause'
  | 'resume'
  | 'drain'
  | 'undrain'
  | 'add-region'
  | 'remove-region'
  | 'revoke'
  | 'discard';

/** A record with an operator's or a controller's label, as the audit shows it. */
export interface OperationNoted {
  readonly verb: OperatorVerb;
  readonly operation: OperationLabel;
  /** The region preferred or drained; null for none. */
  readonly region: RegionId | null;
  /** The epoch a prepare opens, and which attempt it is; null for other verbs. */
  readonly epoch: Epoch | null;
  readonly attempt: number | null;
  readonly isForced: boolean;
}

export const initialControlState: ControlState = {
  policy: null,
  epoch: noEpoch,
  primary: null,
  members: [],
  version: 0,
  k: 1,
  kLow: 1,
  prepare: null,
  history: [],
  hellos: [],
  pause: null,
  drained: [],
  revoked: [],
  operations: [],
  notes: [],
};

/** What a record did; `void` says why its condition failed. */
export type FoldOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'promoted'; readonly promotion: Promotion }
  | { readonly kind: 'void'; readonly why: string };
