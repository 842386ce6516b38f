/** The one catalogue of errors: code, HTTP status, who may retry where, and what it means. */

/**
 * never: the request is wrong; same: here, later; elsewhere: another region; refresh: look again.
 */
export type Retry = 'never' | 'same' | 'elsewhere' | 'refresh';

export interface CatalogueEntry {
  readonly httpStatus: number;
  readonly retry: Retry;
  readonly meaning: string;
}

export const errorCatalogue = {
  ConfigInvalid: entry(500, 'never', 'The cluster file, the secrets or the environment are wrong.'),
  RequestInvalid: entry(400, 'never', 'The request is malformed or outside a limit.'),
  Unauthenticated: entry(401, 'never', 'No valid credentials came with the request.'),
  Forbidden: entry(403, 'never', 'The credentials do not allow this.'),
  TokenInvalid: entry(
    400,
    'never',
    'The position token is malformed, forged or of another cluster.',
  ),
  WriteLost: entry(410, 'never', 'The write behind the token was lost in a failover.'),
  StatementFailed: entry(422, 'never', 'PostgreSQL refused the statement; see sqlstate.'),
  DeadlineExceeded: entry(504, 'same', 'The deadline passed before the work was done.'),
  NotPrimary: entry(503, 'refresh', 'This region is not the primary region.'),
  StaleEpoch: entry(409, 'refresh', 'The request belongs to an older epoch.'),
  LeaseExpired: entry(503, 'refresh', 'The primary may have changed; the result is withheld.'),
  Draining: entry(503, 'same', 'A change of primary is under way; nothing was done.'),
  ConsistencyTimeout: entry(503, 'elsewhere', 'No node reached the asked consistency in time.'),
  CommitOutcomeUnknown: entry(504, 'never', 'The COMMIT was sent and its outcome is not known.'),
  ReplicaUnavailable: entry(503, 'elsewhere', 'No node of this region can serve the read.'),
  UpstreamUnavailable: entry(502, 'same', 'No upstream could answer.'),
  ResidencyRefused: entry(
    451,
    'never',
    'Data residency rules allow no region that could serve this.',
  ),
  CircuitOpen: entry(503, 'same', 'The upstream fails too often and is left alone for now.'),
  RateLimited: entry(429, 'same', 'Too many requests.'),
  LogUnavailable: entry(
    503,
    'same',
    'The log does not answer; the outcome of the append is unknown.',
  ),
  OperationRunning: entry(409, 'same', 'Another operation is running.'),
  DataLossNotAccepted: entry(
    409,
    'never',
    'This could lose data and acceptDataLoss was not given.',
  ),
  ProtocolViolation: entry(502, 'never', 'The other side sent what the protocol does not allow.'),
  Divergence: entry(500, 'never', 'Data differ from what the log says; the loop has stopped.'),
  SeedFailed: entry(503, 'same', 'Seeding a node did not finish.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

function entry(httpStatus: number, retry: Retry, meaning: string): CatalogueEntry {
  return { httpStatus, retry, meaning };
}
